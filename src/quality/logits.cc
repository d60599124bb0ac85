#include "quality/logits.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace moestress::quality {

std::size_t top_token(std::span<const float> logits) {
  CHECK(!logits.empty());
  return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

double top_margin_nats(std::span<const float> logits) {
  if (logits.size() < 2) return 0;
  float first = std::max(logits[0], logits[1]);
  float second = std::min(logits[0], logits[1]);
  for (float logit : logits.subspan(2)) {
    second = std::max(second, std::min(first, logit));
    first = std::max(first, logit);
  }
  return static_cast<double>(first) - static_cast<double>(second);
}

RowComparison compare_rows(std::span<const float> baseline, std::span<const float> other, std::size_t token) {
  CHECK(baseline.size() == other.size() && token < baseline.size());
  RowComparison result{.baseline_top = top_token(baseline), .other_top = top_token(other)};
  const double baseline_max = baseline[result.baseline_top];
  const double other_max = other[result.other_top];
  // With log p = logit − log Σ exp(logits): KL = Σ p_b (b − o) − (log Σ exp b − log Σ exp o). The differences
  // of logits are exact in double, so that divergences of 1e-10 nats are still told from none.
  double baseline_sum = 0;
  double other_sum = 0;
  double weighted = 0;
  for (std::size_t i = 0; i < baseline.size(); ++i) {
    const double b = baseline[i];
    const double o = other[i];
    const double odds = std::exp(b - baseline_max);
    baseline_sum += odds;
    weighted += odds * (b - o);
    other_sum += std::exp(o - other_max);
  }
  const double baseline_log_sum = baseline_max + std::log(baseline_sum);
  const double other_log_sum = other_max + std::log(other_sum);
  result.kl_nats = std::max(0.0, weighted / baseline_sum - (baseline_log_sum - other_log_sum));
  result.margin_nats = baseline_max - static_cast<double>(baseline[result.other_top]);
  result.baseline_log_p = baseline[token] - baseline_log_sum;
  result.other_log_p = other[token] - other_log_sum;
  return result;
}

}  // namespace moestress::quality

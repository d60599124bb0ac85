#include "experts/expert_counts.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/check.h"

namespace moestress::experts {

void ExpertCounts::add(const record::RoutingTrace& trace, std::size_t layer_index) {
  chosen.resize(static_cast<std::size_t>(trace.experts), 0.0);
  for (std::size_t token = 0; token < trace.tokens; ++token) {
    if (!trace.present(token, layer_index)) continue;
    for (std::uint16_t expert : trace.chosen(token, layer_index)) {
      CHECK(expert < chosen.size());
      chosen[expert] += 1;
    }
    ++tokens;
  }
}

double ExpertCounts::total() const { return std::accumulate(chosen.begin(), chosen.end(), 0.0); }

std::vector<double> ExpertCounts::shares() const {
  std::vector<double> shares = chosen;
  const double sum = total();
  if (sum > 0) {
    for (double& share : shares) share /= sum;
  }
  return shares;
}

ExpertCounts count_experts(std::span<const record::RoutingTrace> traces, std::size_t layer_index) {
  ExpertCounts counts;
  for (const record::RoutingTrace& trace : traces) counts.add(trace, layer_index);
  return counts;
}

double entropy_nats(std::span<const double> shares) {
  double entropy = 0;
  for (double p : shares) {
    if (p > 0) entropy -= p * std::log(p);
  }
  return entropy;
}

double jensen_shannon_bits(std::span<const double> p, std::span<const double> q) {
  CHECK(p.size() == q.size());
  double p_sum = 0;
  double q_sum = 0;
  double middle_entropy = 0;
  for (std::size_t e = 0; e < p.size(); ++e) {
    p_sum += p[e];
    q_sum += q[e];
    const double middle = (p[e] + q[e]) / 2;
    if (middle > 0) middle_entropy -= middle * std::log(middle);
  }
  if (p_sum == 0 || q_sum == 0) return 0;
  const double nats = middle_entropy - (entropy_nats(p) + entropy_nats(q)) / 2;
  return std::clamp(nats / std::numbers::ln2, 0.0, 1.0);  // rounding may pass either end
}

}  // namespace moestress::experts

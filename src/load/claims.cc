#include "load/claims.h"

#include <algorithm>

#include "stats/quantile.h"

namespace moestress::load {

ClaimRatios claim_ratios(std::span<const record::Outcome> outcomes) {
  ClaimRatios ratios;
  for (const record::Outcome& outcome : outcomes) {
    if (!outcome.ok() || outcome.first_text < base::Duration(0)) continue;
    const double ttft = base::to_ms(outcome.first_text - outcome.sent);
    const double decode = base::to_ms(outcome.last_text - outcome.first_text);
    if (outcome.claims.prompt_ms && ttft >= kClaimSpanMsMin)
      ratios.ttft.push_back(*outcome.claims.prompt_ms / ttft);
    if (outcome.claims.decode_ms && decode >= kClaimSpanMsMin)
      ratios.decode.push_back(*outcome.claims.decode_ms / decode);
  }
  std::sort(ratios.ttft.begin(), ratios.ttft.end());
  std::sort(ratios.decode.begin(), ratios.decode.end());
  return ratios;
}

bool surely_outside(std::span<const double> ascending, double low, double high) {
  const auto interval = stats::quantile_interval(ascending, 0.5);
  return interval.lo > high || interval.hi < low;
}

}  // namespace moestress::load

#pragma once

#include <span>
#include <vector>

#include "record/outcome.h"
#include "stats/interval.h"

namespace moestress::load {

/// What a server says of its own times, over what was measured from outside. A server's prompt time lies
/// within our TTFT and its decode time is what passes between first and last text, so a claim can be short by
/// what happens outside of it, never long.
struct ClaimRatios {
  std::vector<double> ttft;  ///< claimed prompt time / (first text − sent), ascending; one for each reply …
  std::vector<double>
      decode;  ///< claimed decode time / (last text − first text), … that claims and is long enough
};

/// Shorter spans are left out: a few milliseconds of network and scheduling are a large share of them.
inline constexpr double kClaimSpanMsMin = 50;

/// Of streamed replies that are ok and had the server to themselves.
ClaimRatios claim_ratios(std::span<const record::Outcome> outcomes);

/// Whether the median ratio surely lies outside [low, high], by its distribution-free 95 % interval (six
/// replies at least).
bool surely_outside(std::span<const double> ascending, double low, double high);

}  // namespace moestress::load

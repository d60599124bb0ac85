#include "protocol/prompt_claims.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

/// An exact claim may be under the count by this: less than any exchange takes.
constexpr double kSlackTokens = 4;
constexpr double kSlackShare = 0.01;
constexpr double kGrowthShareMin = 0.5;

}  // namespace

ClaimScale claim_scale(std::span<const PromptCount> whole) {
  CHECK(!whole.empty());
  std::vector<double> offsets, ratios;
  for (const PromptCount& prompt : whole) {
    offsets.push_back(static_cast<double>(prompt.claimed - prompt.counted));
    if (prompt.counted > 0)
      ratios.push_back(static_cast<double>(prompt.claimed) / static_cast<double>(prompt.counted));
  }
  ClaimScale scale;
  scale.offset = stats::quantile(offsets, 0.5);
  if (!ratios.empty()) scale.ratio = stats::quantile(ratios, 0.5);
  scale.exact = std::all_of(offsets.begin(), offsets.end(),
                            [&](double offset) { return std::abs(offset - scale.offset) <= kExactTokens; });
  return scale;
}

std::vector<std::size_t> turns_missing(std::span<const PromptCount> turns, const ClaimScale& scale) {
  std::vector<std::size_t> missing;
  for (std::size_t i = 1; i < turns.size(); ++i) {
    const auto counted = static_cast<double>(turns[i].counted);
    const auto claimed = static_cast<double>(turns[i].claimed);
    if (scale.exact) {
      if (claimed < counted + scale.offset - std::max(kSlackTokens, kSlackShare * counted))
        missing.push_back(i);
      continue;
    }
    const double grown = claimed - static_cast<double>(turns[i - 1].claimed);
    const double due = scale.ratio * (counted - static_cast<double>(turns[i - 1].counted));
    if (grown < kGrowthShareMin * due) missing.push_back(i);
  }
  return missing;
}

}  // namespace moestress::protocol

#include "quality/outcome_pairs.h"

#include "stats/significance.h"

namespace moestress::quality {
namespace {

constexpr double kSignificance = 0.05;

}  // namespace

void OutcomePairs::add(bool baseline_right, bool other_right) {
  if (baseline_right) {
    ++(other_right ? both_right : lost);
  } else {
    ++(other_right ? won : both_wrong);
  }
}

double OutcomePairs::unflipped() const {
  return pairs() == 0 ? 0 : static_cast<double>(both_right + both_wrong) / static_cast<double>(pairs());
}

stats::Interval OutcomePairs::unflipped_wilson() const {
  return stats::wilson(static_cast<double>(both_right + both_wrong), static_cast<double>(pairs()));
}

double OutcomePairs::p() const { return stats::mcnemar_exact(lost, won); }

bool OutcomePairs::worse() const { return lost > won && p() < kSignificance; }

std::optional<std::int64_t> OutcomePairs::pairs_needed(double limit) const {
  return stats::wilson_trials(unflipped(), limit);
}

}  // namespace moestress::quality

#pragma once

#include <cstdint>
#include <optional>

#include "stats/interval.h"

namespace moestress::quality {

/// The same tasks done by two sides, counted by outcome.
struct OutcomePairs {
  std::int64_t both_right = 0;
  std::int64_t both_wrong = 0;
  std::int64_t lost = 0;  ///< right by the baseline, wrong by the other
  std::int64_t won = 0;   ///< the other way

  void add(bool baseline_right, bool other_right);
  std::int64_t pairs() const { return both_right + both_wrong + lost + won; }
  std::int64_t flips() const { return lost + won; }
  double unflipped() const;  ///< share; 0 without a pair
  stats::Interval unflipped_wilson() const;
  /// McNemar's exact p that neither side is better.
  double p() const;
  /// More lost than won, and not by chance (p < 0.05).
  bool worse() const;
  /// Pairs that it would take for the lower limit of the share of unflipped ones to pass `limit`, at the
  /// share found; nothing where that share does not pass it itself.
  std::optional<std::int64_t> pairs_needed(double limit) const;
};

}  // namespace moestress::quality

#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace moestress::stats {

/// A confidence interval, both ends inside. Too little data gives the unbounded one, never a false narrow
/// one.
struct Interval {
  double lo = -std::numeric_limits<double>::infinity();
  double hi = std::numeric_limits<double>::infinity();

  bool contains(double value) const { return lo <= value && value <= hi; }
  /// Whether both ends are numbers: an unbounded interval is not shown to anyone.
  bool bounded() const { return std::isfinite(lo) && std::isfinite(hi); }
};

/// Wilson's score interval (1927) of a share: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), two-sided.
/// `successes` may be fractional, e.g. mean agreement × prompts; it is cut to [0, trials]. A share lies in
/// [0, 1], so without trials (or with NaN) that is the answer.
Interval wilson(double successes, double trials, double confidence = 0.95);
/// The trials it takes for the lower limit of `share` to pass `limit`, both in [0, 1]: the first n over
/// z² limit (1 − limit) / (share − limit)², which is that limit solved for n. Nothing where the share does
/// not pass it itself.
std::optional<std::int64_t> wilson_trials(double share, double limit, double confidence = 0.95);

/// Student's t interval of the mean, in the unit of the values. Non-finite values are left out. Unbounded
/// with fewer than two values; a point where all are equal.
Interval mean_interval(std::span<const double> values, double confidence = 0.95);

/// Percentile bootstrap of the mean (Efron 1979): resample with replacement, mean of each, quantiles of
/// those. Assumes nothing of the distribution's shape; too narrow below some ten values. Non-finite values
/// are left out. Unbounded with fewer than two values. The same seed gives the same interval.
Interval bootstrap_mean(std::span<const double> values, std::uint64_t seed, int resamples = 2000,
                        double confidence = 0.95);

}  // namespace moestress::stats

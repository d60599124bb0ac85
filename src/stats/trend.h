#pragma once

#include <cstdint>
#include <span>

#include "stats/interval.h"

namespace moestress::stats {

/// A robust slope, in units of y per unit of x.
struct Trend {
  double slope = 0;         ///< NaN where there are no two different x
  double intercept = 0;     ///< median of y − slope·x
  Interval interval;        ///< of the slope
  std::int64_t n = 0;       ///< pairs given that were finite
  std::int64_t points = 0;  ///< what remained after decimation
};

/// Median of the slopes of all pairs, with Sen's interval (Theil 1950; Sen 1968): the slopes at ranks
/// (N ± z √Var S)/2 of N, rounded outwards, Var S being Kendall's with ties corrected. Pairs with the same x
/// have no slope. More than 2,000 points are decimated: ordered by x, equal blocks, the median of each.
/// Independent noise is assumed: decimate samples that depend on the one before. x and y are of one length;
/// pairs that are not finite are left out. With fewer than six points, or ranks outside the slopes, the
/// interval is unbounded.
Trend theil_sen(std::span<const double> x, std::span<const double> y, double confidence = 0.95);

/// Mann-Kendall test of a monotonic trend in a series in order of time (Mann 1945; Kendall 1975).
struct MannKendall {
  std::int64_t n = 0;
  double s = 0;  ///< rising pairs minus falling pairs
  double z = 0;  ///< S ∓ 1 over √Var S, ties corrected; 0 where S is 0
  double p = 1;  ///< two-sided, normal approximation (fit for n ≥ 10)
};
/// Non-finite values are left out. It cries wolf on dependent samples: never a verdict by itself.
MannKendall mann_kendall(std::span<const double> y);

}  // namespace moestress::stats

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/interval.h"

namespace moestress::stats {

/// Quantile q in [0, 1] by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996, the
/// default of R and NumPy), in the unit of the values. Non-finite values are left out; NaN if none remain.
double quantile(std::vector<double> values, double q);

/// The same of values already ascending and finite.
double quantile_of_sorted(std::span<const double> sorted, double q);

/// Distribution-free interval of quantile q from order statistics: the narrowest pair of tails, each at most
/// (1 − confidence)/2 by the binomial distribution of the number of samples below q (David and Nagaraja
/// 2003, 7.1). `sorted` is ascending and finite. An end that no sample can bound is infinite.
Interval quantile_interval(std::span<const double> sorted, double q, double confidence = 0.95);

/// Fewest samples for which a verdict on quantile q is allowed: the smallest n with
/// P[at least two samples lie beyond q] = 1 − q^n − n (1 − q) q^(n−1) ≥ confidence (Wilks 1941, the sample
/// size of a two-sided tolerance interval), so that the tail is never one sample. p99 at 99 %: 662; p90: 64.
/// For q below 0.5 the lower tail counts. q and confidence lie in (0, 1); outside, INT_MAX: never enough.
int samples_for_quantile(double q, double confidence = 0.99);

/// What a table shows of a sample, in the unit of the values; NaN where n is 0. stddev is of the sample (n −
/// 1), NaN for one value.
struct Summary {
  std::int64_t n = 0;  ///< finite values; others are left out
  double mean = 0;
  double stddev = 0;
  double min = 0;
  double p5 = 0;
  double median = 0;
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
  double max = 0;
};
Summary summarize(std::span<const double> values);

}  // namespace moestress::stats

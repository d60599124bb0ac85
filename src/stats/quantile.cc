#include "stats/quantile.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/distribution.h"
#include "stats/finite.h"

namespace moestress::stats {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double quantile_of_sorted(std::span<const double> sorted, double q) {
  if (sorted.empty() || std::isnan(q)) return kNan;
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double quantile(std::vector<double> values, double q) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  std::sort(values.begin(), values.end());
  return quantile_of_sorted(values, q);
}

Interval quantile_interval(std::span<const double> sorted, double q, double confidence) {
  if (sorted.empty() || !(q >= 0 && q <= 1) || !(confidence >= 0 && confidence <= 1)) return {};
  const auto n = static_cast<std::int64_t>(sorted.size());
  const double tail = (1 - confidence) / 2;
  // The quantile lies below the sample of rank r (from 1) only if at most r − 1 samples lie below the
  // quantile.
  std::int64_t lower = 0;
  for (std::int64_t step = std::int64_t{1} << 62; step > 0; step /= 2) {
    if (lower + step <= n && binomial_cdf(lower + step - 1, n, q) <= tail) lower += step;
  }
  // … and above the sample of rank r only if at least r do: 1 − P[X ≤ r − 1] = P[Bin(n, 1 − q) ≤ n − r].
  std::int64_t cut_off = 0;  // ranks from the top
  for (std::int64_t step = std::int64_t{1} << 62; step > 0; step /= 2) {
    if (cut_off + step <= n && binomial_cdf(cut_off + step - 1, n, 1 - q) <= tail) cut_off += step;
  }
  Interval interval;
  if (lower > 0) interval.lo = sorted[static_cast<std::size_t>(lower - 1)];
  if (cut_off > 0) interval.hi = sorted[static_cast<std::size_t>(n - cut_off)];
  return interval;
}

int samples_for_quantile(double q, double confidence) {
  if (!(q > 0 && q < 1 && confidence > 0 && confidence < 1)) return INT_MAX;
  const double beyond = std::min(q, 1 - q);
  const auto enough = [&](double n) {
    const double log_miss = std::log1p(-beyond);
    return 1 - std::exp(n * log_miss) - n * beyond * std::exp((n - 1) * log_miss) >= confidence;
  };
  int lo = 1;  // never enough: two samples are needed
  int hi = 2;
  while (!enough(hi)) {
    if (hi > INT_MAX / 2) return INT_MAX;
    lo = hi;
    hi *= 2;
  }
  while (hi - lo > 1) {
    const int middle = lo + (hi - lo) / 2;
    (enough(middle) ? hi : lo) = middle;
  }
  return hi;
}

Summary summarize(std::span<const double> values) {
  std::vector<double> sorted = finite(values);
  std::sort(sorted.begin(), sorted.end());
  Summary summary;
  summary.n = static_cast<std::int64_t>(sorted.size());
  if (sorted.empty()) {
    summary.mean = summary.stddev = summary.min = summary.max = kNan;
    summary.p5 = summary.median = summary.p90 = summary.p95 = summary.p99 = kNan;
    return summary;
  }
  const auto n = static_cast<double>(sorted.size());
  summary.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / n;
  double squares = 0;
  for (double value : sorted) squares += (value - summary.mean) * (value - summary.mean);
  summary.stddev = sorted.size() > 1 ? std::sqrt(squares / (n - 1)) : kNan;
  summary.min = sorted.front();
  summary.p5 = quantile_of_sorted(sorted, 0.05);
  summary.median = quantile_of_sorted(sorted, 0.5);
  summary.p90 = quantile_of_sorted(sorted, 0.9);
  summary.p95 = quantile_of_sorted(sorted, 0.95);
  summary.p99 = quantile_of_sorted(sorted, 0.99);
  summary.max = sorted.back();
  return summary;
}

}  // namespace moestress::stats

#include "stats/trend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "stats/distribution.h"
#include "stats/finite.h"

namespace moestress::stats {
namespace {

using Point = std::pair<double, double>;

constexpr std::size_t kPointsMax = 2000;  // two million slopes: 16 MB and some 50 ms
// Five points without ties bound no slope at 95 %, so five that are tied must not either.
constexpr std::size_t kPointsMin = 6;

/// Σ t(t − 1)(2t + 5) over groups of t equal values; sorts them.
double tie_correction(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (std::size_t begin = 0, end = 0; begin < values.size(); begin = end) {
    while (end < values.size() && values[end] == values[begin]) ++end;
    const auto t = static_cast<double>(end - begin);
    sum += t * (t - 1) * (2 * t + 5);
  }
  return sum;
}

double kendall_variance(std::size_t count, double corrections) {
  const auto n = static_cast<double>(count);
  return std::max(0.0, (n * (n - 1) * (2 * n + 5) - corrections) / 18);
}

/// The value of rank k from 0; reorders.
double order_statistic(std::vector<double>& values, std::size_t k) {
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

double median(std::vector<double>& values) {
  const std::size_t n = values.size();
  const double upper = order_statistic(values, n / 2);
  return n % 2 == 1 ? upper : (upper + order_statistic(values, n / 2 - 1)) / 2;
}

/// Equal blocks of points ordered by x, each as the medians of its x and y.
std::vector<Point> decimate(const std::vector<Point>& points) {
  if (points.size() <= kPointsMax) return points;
  std::vector<Point> kept;
  kept.reserve(kPointsMax);
  std::vector<double> xs;
  std::vector<double> ys;
  for (std::size_t block = 0; block < kPointsMax; ++block) {
    xs.clear();
    ys.clear();
    for (std::size_t i = block * points.size() / kPointsMax; i < (block + 1) * points.size() / kPointsMax;
         ++i) {
      xs.push_back(points[i].first);
      ys.push_back(points[i].second);
    }
    kept.emplace_back(median(xs), median(ys));
  }
  return kept;
}

Interval sen_interval(const std::vector<Point>& points, std::vector<double>& slopes, double confidence) {
  if (points.size() < kPointsMin) return {};
  std::vector<double> xs;
  std::vector<double> ys;
  for (const auto& [x, y] : points) {
    xs.push_back(x);
    ys.push_back(y);
  }
  const double variance = kendall_variance(points.size(), tie_correction(xs) + tie_correction(ys));
  const double reach = normal_two_sided(confidence) * std::sqrt(variance);
  const auto count = static_cast<double>(slopes.size());
  const double lower = std::floor((count - reach) / 2) - 1;  // ranks from 0, rounded outwards
  const double upper = std::ceil((count + reach) / 2);
  Interval interval;
  if (lower >= 0) interval.lo = order_statistic(slopes, static_cast<std::size_t>(lower));
  if (upper < count) interval.hi = order_statistic(slopes, static_cast<std::size_t>(upper));
  return interval;
}

/// Pairs i < j with values[i] > values[j], by merge sort; sorts values[begin, end).
double inversions(std::vector<double>& values, std::vector<double>& space, std::size_t begin,
                  std::size_t end) {
  if (end - begin < 2) return 0;
  const std::size_t middle = begin + (end - begin) / 2;
  double count = inversions(values, space, begin, middle) + inversions(values, space, middle, end);
  std::size_t left = begin;
  std::size_t right = middle;
  for (std::size_t out = begin; out < end; ++out) {
    if (right == end || (left < middle && values[left] <= values[right])) {
      space[out] = values[left++];
    } else {
      count += static_cast<double>(middle - left);
      space[out] = values[right++];
    }
  }
  std::copy(space.begin() + static_cast<std::ptrdiff_t>(begin),
            space.begin() + static_cast<std::ptrdiff_t>(end),
            values.begin() + static_cast<std::ptrdiff_t>(begin));
  return count;
}

}  // namespace

Trend theil_sen(std::span<const double> x, std::span<const double> y, double confidence) {
  std::vector<Point> all = finite_pairs(x, y);
  std::sort(all.begin(), all.end());
  const std::vector<Point> points = decimate(all);
  Trend trend;
  trend.n = static_cast<std::int64_t>(all.size());
  trend.points = static_cast<std::int64_t>(points.size());
  std::vector<double> slopes;
  slopes.reserve(points.size() * (points.size() + 1) / 2);
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = i + 1; j < points.size(); ++j) {
      const double run = points[j].first - points[i].first;
      if (run > 0) slopes.push_back((points[j].second - points[i].second) / run);
    }
  }
  if (slopes.empty()) {
    trend.slope = trend.intercept = std::numeric_limits<double>::quiet_NaN();
    return trend;
  }
  trend.slope = median(slopes);
  std::vector<double> offsets;
  offsets.reserve(points.size());
  for (const auto& [px, py] : points) offsets.push_back(py - trend.slope * px);
  trend.intercept = median(offsets);
  trend.interval = sen_interval(points, slopes, confidence);
  return trend;
}

MannKendall mann_kendall(std::span<const double> y) {
  std::vector<double> values = finite(y);
  MannKendall test;
  test.n = static_cast<std::int64_t>(values.size());
  if (values.size() < 2) return test;
  // Rising − falling = (falling of the series reversed) − falling: neither counts pairs that are equal.
  std::vector<double> reversed(values.rbegin(), values.rend());
  std::vector<double> space(values.size());
  const double rising = inversions(reversed, space, 0, reversed.size());
  const double falling = inversions(values, space, 0, values.size());
  test.s = rising - falling;
  const double variance = kendall_variance(values.size(), tie_correction(values));
  if (variance > 0 && test.s != 0) {
    test.z = (test.s > 0 ? test.s - 1 : test.s + 1) / std::sqrt(variance);
    test.p = 2 * normal_cdf(-std::abs(test.z));
  }
  return test;
}

}  // namespace moestress::stats

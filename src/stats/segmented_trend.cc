#include "stats/segmented_trend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/distribution.h"
#include "stats/fit.h"
#include "stats/quantile.h"

namespace moestress::stats {
namespace {

constexpr std::size_t kPointsMax = 600;  // of a segment
constexpr double kAutocorrelationMax = 0.999;

struct Points {
  std::vector<double> x, y, beside;
};

bool finite_at(const Segment& segment, std::size_t i) {
  return std::isfinite(segment.x[i]) && std::isfinite(segment.y[i]) &&
         (segment.beside.empty() || std::isfinite(segment.beside[i]));
}

double median_of(const std::vector<double>& values, std::size_t begin, std::size_t end) {
  return quantile({values.begin() + static_cast<std::ptrdiff_t>(begin),
                   values.begin() + static_cast<std::ptrdiff_t>(end)},
                  0.5);
}

Points points_of(const Segment& segment) {
  Points all;
  for (std::size_t i = 0; i < segment.x.size(); ++i) {
    if (!finite_at(segment, i)) continue;
    all.x.push_back(segment.x[i]);
    all.y.push_back(segment.y[i]);
    if (!segment.beside.empty()) all.beside.push_back(segment.beside[i]);
  }
  const std::size_t count = all.x.size();
  if (count <= kPointsMax) return all;
  Points kept;
  for (std::size_t block = 0; block < kPointsMax; ++block) {
    const std::size_t begin = block * count / kPointsMax;
    const std::size_t end = (block + 1) * count / kPointsMax;
    kept.x.push_back(median_of(all.x, begin, end));
    kept.y.push_back(median_of(all.y, begin, end));
    if (!all.beside.empty()) kept.beside.push_back(median_of(all.beside, begin, end));
  }
  return kept;
}

/// What a line through `beside` leaves of the values; all of them where there is no line.
std::vector<double> rest(const std::vector<double>& beside, std::vector<double> values) {
  const auto line = linear_fit(beside, values);
  if (!line) return values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= line->intercept + line->slope * beside[i];
  return values;
}

void partial_out(Points& points) {
  if (points.beside.empty()) return;
  points.x = rest(points.beside, std::move(points.x));
  points.y = rest(points.beside, std::move(points.y));
}

/// Σ over groups of equal values of t(t − 1)(2t + 5).
double tie_correction(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (std::size_t begin = 0, end = 0; begin < values.size(); begin = end) {
    while (end < values.size() && values[end] == values[begin]) ++end;
    const auto t = static_cast<double>(end - begin);
    sum += t * (t - 1) * (2 * t + 5);
  }
  return sum;
}

double variance_of(const Points& points) {
  const auto n = static_cast<double>(points.x.size());
  const double ties = tie_correction(points.x) + tie_correction(points.y);
  return std::max(0.0, (n * (n - 1) * (2 * n + 5) - ties) / 18);
}

/// Lag-1 autocorrelation of what the slope leaves, over all segments, each around its own mean.
double autocorrelation(const std::vector<Points>& segments, double slope) {
  double products = 0;
  double squares = 0;
  for (const Points& points : segments) {
    std::vector<double> residual;
    double mean = 0;
    for (std::size_t i = 0; i < points.x.size(); ++i) {
      residual.push_back(points.y[i] - slope * points.x[i]);
      mean += residual.back() / static_cast<double>(points.x.size());
    }
    for (std::size_t i = 0; i < residual.size(); ++i) {
      squares += (residual[i] - mean) * (residual[i] - mean);
      if (i > 0) products += (residual[i] - mean) * (residual[i - 1] - mean);
    }
  }
  return squares > 0 ? std::clamp(products / squares, 0.0, kAutocorrelationMax) : 0;
}

double order_statistic(std::vector<double>& values, double rank) {
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace

Trend segmented_theil_sen(std::span<const Segment> segments, double confidence) {
  Trend trend;
  trend.slope = trend.intercept = std::numeric_limits<double>::quiet_NaN();
  std::vector<Points> kept;
  std::vector<double> slopes;
  double variance = 0;
  for (const Segment& segment : segments) {
    for (std::size_t i = 0; i < segment.x.size(); ++i) trend.n += finite_at(segment, i) ? 1 : 0;
    Points points = points_of(segment);
    if (points.x.size() < kSegmentPointsMin) continue;
    partial_out(points);
    for (std::size_t i = 0; i < points.x.size(); ++i)
      for (std::size_t j = i + 1; j < points.x.size(); ++j)
        if (points.x[j] != points.x[i])
          slopes.push_back((points.y[j] - points.y[i]) / (points.x[j] - points.x[i]));
    trend.points += static_cast<std::int64_t>(points.x.size());
    variance += variance_of(points);
    kept.push_back(std::move(points));
  }
  if (slopes.empty()) return trend;
  trend.slope = quantile(slopes, 0.5);
  std::vector<double> offsets;
  for (const Points& points : kept)
    for (std::size_t i = 0; i < points.x.size(); ++i)
      offsets.push_back(points.y[i] - trend.slope * points.x[i]);
  trend.intercept = quantile(offsets, 0.5);
  const double r = autocorrelation(kept, trend.slope);
  const double most = static_cast<double>(trend.points) / static_cast<double>(kSegmentPointsMin);
  const double inflation = std::min((1 + r) / (1 - r), most);
  const double reach = normal_two_sided(confidence) * std::sqrt(variance * inflation);
  const auto count = static_cast<double>(slopes.size());
  const double lower = std::floor((count - reach) / 2) - 1;  // ranks from 0, rounded outwards
  const double upper = std::ceil((count + reach) / 2);
  if (lower >= 0) trend.interval.lo = order_statistic(slopes, lower);
  if (upper < count) trend.interval.hi = order_statistic(slopes, upper);
  return trend;
}

}  // namespace moestress::stats

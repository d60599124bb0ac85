#include "stats/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "stats/distribution.h"
#include "stats/finite.h"

namespace moestress::stats {
namespace {

using Points = std::vector<std::pair<double, double>>;

std::size_t different_x(Points points) {
  std::sort(points.begin(), points.end());
  const auto end = std::unique(points.begin(), points.end(),
                               [](const auto& a, const auto& b) { return a.first == b.first; });
  return static_cast<std::size_t>(end - points.begin());
}

/// What both fits share: x moved and scaled to [−1, 1] around its mean and y to its mean, so that neither
/// bytes nor time stamps cancel away, and sums over those.
struct Scaled {
  std::vector<double> u;
  std::vector<double> v;
  double x_mean = 0;
  double x_scale = 1;
  double y_mean = 0;
  double y_max = 0;
  double total_squares = 0;

  explicit Scaled(const Points& points) {
    const auto n = static_cast<double>(points.size());
    for (const auto& [x, y] : points) {
      x_mean += x / n;
      y_mean += y / n;
    }
    x_scale = 0;
    for (const auto& [x, y] : points) {
      x_scale = std::max(x_scale, std::abs(x - x_mean));
      y_max = std::max(y_max, std::abs(y));
    }
    for (const auto& [x, y] : points) {
      u.push_back((x - x_mean) / x_scale);
      v.push_back(y - y_mean);
      total_squares += v.back() * v.back();
    }
  }

  double product(const std::vector<double>& a, const std::vector<double>& b) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }

  /// Residual standard deviation, not below the rounding of y.
  double spread(double residual_squares, double degrees) const {
    const double rounding = 4 * std::numeric_limits<double>::epsilon() * y_max;
    return std::max(std::sqrt(residual_squares / degrees), rounding);
  }

  double r2(double residual_squares) const {
    return total_squares > 0 ? std::clamp(1 - residual_squares / total_squares, 0.0, 1.0) : 1;
  }
};

Interval around(double value, double half) {
  return std::isfinite(half) ? Interval{value - half, value + half} : Interval{};
}

}  // namespace

std::optional<LinearFit> linear_fit(std::span<const double> x, std::span<const double> y, double confidence) {
  const Points points = finite_pairs(x, y);
  if (different_x(points) < 2) return std::nullopt;
  const Scaled scaled(points);
  const auto n = static_cast<double>(points.size());
  const double mean_u = scaled.product(scaled.u, std::vector<double>(scaled.u.size(), 1.0)) / n;
  std::vector<double> p1;
  for (double u : scaled.u) p1.push_back(u - mean_u);
  const double p1_squares = scaled.product(p1, p1);
  const double slope = scaled.product(p1, scaled.v) / p1_squares;  // of v on u

  LinearFit fit;
  fit.n = static_cast<std::int64_t>(points.size());
  fit.slope = slope / scaled.x_scale;
  fit.intercept = scaled.y_mean - fit.slope * scaled.x_mean;
  double residual_squares = 0;
  for (std::size_t i = 0; i < p1.size(); ++i) {
    const double residual = scaled.v[i] - slope * p1[i];
    residual_squares += residual * residual;
  }
  fit.r2 = scaled.r2(residual_squares);
  if (points.size() > 2) {
    const double reach = student_t_two_sided(confidence, n - 2) * scaled.spread(residual_squares, n - 2);
    const double slope_error = 1 / std::sqrt(p1_squares) / scaled.x_scale;
    fit.slope_interval = around(fit.slope, reach * slope_error);
    fit.intercept_interval =
        around(fit.intercept, reach * std::hypot(1 / std::sqrt(n), scaled.x_mean * slope_error));
  }
  return fit;
}

std::optional<QuadraticFit> quadratic_fit(std::span<const double> x, std::span<const double> y,
                                          double confidence) {
  const Points points = finite_pairs(x, y);
  if (different_x(points) < 3) return std::nullopt;
  const Scaled scaled(points);
  const auto n = static_cast<double>(points.size());
  const std::vector<double> ones(points.size(), 1.0);
  const double mean_u = scaled.product(scaled.u, ones) / n;
  std::vector<double> p1;
  for (double u : scaled.u) p1.push_back(u - mean_u);
  const double p1_squares = scaled.product(p1, p1);
  // u² without what a constant and u explain of it: the quadratic term's own direction.
  const double mean_u2 = scaled.product(scaled.u, scaled.u) / n;
  std::vector<double> p2;
  for (double u : scaled.u) p2.push_back(u * u - mean_u2);
  const double along = scaled.product(p1, p2) / p1_squares;
  for (std::size_t i = 0; i < p2.size(); ++i) p2[i] -= along * p1[i];
  const double p2_squares = scaled.product(p2, p2);
  if (!(p2_squares > 0)) return std::nullopt;

  const double slope = scaled.product(p1, scaled.v) / p1_squares;
  // Against what the line left over, not against v: p2 is orthogonal to p1 up to rounding only, and a steep
  // line times that rounding would pass for a bend.
  std::vector<double> rest;
  for (std::size_t i = 0; i < p1.size(); ++i) rest.push_back(scaled.v[i] - slope * p1[i]);
  const double bend = scaled.product(p2, rest) / p2_squares;
  double residual_squares = 0;
  for (std::size_t i = 0; i < p2.size(); ++i) {
    const double residual = rest[i] - bend * p2[i];
    residual_squares += residual * residual;
  }
  // v = slope·(u − mean_u) + bend·(u² − mean_u2 − along·(u − mean_u)), u = (x − x_mean)/x_scale, written out
  // in x.
  const double u_factor = slope - bend * along;
  const double constant = scaled.y_mean - u_factor * mean_u - bend * mean_u2;
  const double m = scaled.x_mean / scaled.x_scale;
  QuadraticFit fit;
  fit.n = static_cast<std::int64_t>(points.size());
  fit.c = bend / (scaled.x_scale * scaled.x_scale);
  fit.b = (u_factor - 2 * bend * m) / scaled.x_scale;
  fit.a = constant - u_factor * m + bend * m * m;
  fit.r2 = scaled.r2(residual_squares);
  if (points.size() > 3) {
    const double reach = student_t_two_sided(confidence, n - 3) * scaled.spread(residual_squares, n - 3);
    fit.c_interval = around(fit.c, reach / std::sqrt(p2_squares) / (scaled.x_scale * scaled.x_scale));
  }
  return fit;
}

}  // namespace moestress::stats

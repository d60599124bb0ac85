#include "stats/distribution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace moestress::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Where `upper_tail`, which falls from 1/2 at 0 to 0, is `tail`. Bisection: slow (one interval needs one),
/// but right for every distribution and without tables.
template <class UpperTail>
double where_tail_is(double tail, const UpperTail& upper_tail) {
  double hi = 1;
  while (hi < 1e300 && upper_tail(hi) > tail) hi *= 2;
  double lo = 0;
  for (int i = 0; i < 200 && hi - lo > 1e-15 * hi; ++i) {
    const double middle = lo + (hi - lo) / 2;
    (upper_tail(middle) > tail ? lo : hi) = middle;
  }
  return lo + (hi - lo) / 2;
}

double normal_upper_tail(double x) { return 0.5 * std::erfc(x / std::numbers::sqrt2); }

double student_t_upper_tail(double t, double degrees) {
  return 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

/// std::lgamma writes the global signgam; a, b > 0 here, so the reentrant one's sign is not needed.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

/// Lentz's evaluation of the continued fraction; converges fast for x < (a + 1)/(a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto kept_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / kept_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m <= 100'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept_from_zero(1 + even * d);
    c = kept_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept_from_zero(1 + odd * d);
    c = kept_from_zero(1 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

}  // namespace

double normal_cdf(double x) { return normal_upper_tail(-x); }

double normal_quantile(double p) {
  if (!(p >= 0 && p <= 1)) return kNan;
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;
  return p < 0.5 ? -where_tail_is(p, normal_upper_tail) : where_tail_is(1 - p, normal_upper_tail);
}

double normal_two_sided(double confidence) {
  if (!(confidence >= 0 && confidence < 1)) return confidence == 1 ? kInfinity : kNan;
  return where_tail_is((1 - confidence) / 2, normal_upper_tail);
}

double student_t_cdf(double t, double degrees) {
  if (!(degrees > 0) || std::isnan(t)) return kNan;
  const double tail = student_t_upper_tail(t, degrees);
  return t > 0 ? 1 - tail : tail;
}

double student_t_two_sided(double confidence, double degrees) {
  if (!(degrees > 0)) return kNan;
  if (!(confidence >= 0 && confidence < 1)) return confidence == 1 ? kInfinity : kNan;
  return where_tail_is((1 - confidence) / 2, [&](double t) { return student_t_upper_tail(t, degrees); });
}

double binomial_cdf(std::int64_t k, std::int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incomplete_beta(static_cast<double>(n - k), static_cast<double>(k + 1), 1 - p);
}

double incomplete_beta(double a, double b, double x) {
  if (!(a > 0 && b > 0) || std::isnan(x)) return kNan;
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double log_front =
      log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  const double result = x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                                  : 1 - front * beta_fraction(b, a, 1 - x) / b;
  return std::clamp(result, 0.0, 1.0);
}

}  // namespace moestress::stats

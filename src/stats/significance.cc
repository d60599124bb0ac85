#include "stats/significance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/distribution.h"
#include "stats/finite.h"
#include "stats/quantile.h"

namespace moestress::stats {
namespace {

constexpr std::size_t kExactMax = 20;
constexpr std::size_t kShiftMax = 2000;

struct Ranked {
  double u = 0;          ///< pairs in which a is larger, equal ones half
  double tie_cubes = 0;  ///< Σ (t³ − t) over groups of t equal values
};

Ranked rank(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<std::pair<double, bool>> all;
  all.reserve(a.size() + b.size());
  for (double value : a) all.emplace_back(value, true);
  for (double value : b) all.emplace_back(value, false);
  std::sort(all.begin(), all.end());
  Ranked ranked;
  double rank_sum = 0;
  for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    double of_a = 0;
    while (end < all.size() && all[end].first == all[begin].first) of_a += all[end++].second ? 1 : 0;
    const auto t = static_cast<double>(end - begin);
    rank_sum +=
        of_a * (static_cast<double>(begin + end) + 1) / 2;  // the mean rank, from 1, of begin … end − 1
    ranked.tie_cubes += t * t * t - t;
  }
  const auto n = static_cast<double>(a.size());
  ranked.u = rank_sum - n * (n + 1) / 2;
  return ranked;
}

/// P[U ≤ u] for sizes m and n without ties: U's counts are the coefficients of the Gaussian binomial
/// Π_{i=1..m} (1 − q^(n+i))/(1 − q^i). Whole numbers below C(40, 20), so doubles hold them exactly.
double exact_cdf(std::size_t m, std::size_t n, double u) {
  std::vector<double> counts(m * n + 1, 0.0);
  counts[0] = 1;
  for (std::size_t i = 1; i <= m; ++i) {
    for (std::size_t d = counts.size(); d-- > n + i;) counts[d] -= counts[d - n - i];
    for (std::size_t d = i; d < counts.size(); ++d) counts[d] += counts[d - i];
  }
  const auto last = counts.begin() + static_cast<std::ptrdiff_t>(u) + 1;
  return std::accumulate(counts.begin(), last, 0.0) / std::accumulate(counts.begin(), counts.end(), 0.0);
}

/// At most kShiftMax of the values, evenly spaced in rank, so that the median of differences hardly moves.
std::vector<double> thinned(std::vector<double> values) {
  if (values.size() <= kShiftMax) return values;
  std::sort(values.begin(), values.end());
  std::vector<double> kept;
  for (std::size_t i = 0; i < kShiftMax; ++i)
    kept.push_back(values[(2 * i + 1) * values.size() / (2 * kShiftMax)]);
  return kept;
}

}  // namespace

double mann_whitney(std::span<const double> a, std::span<const double> b) {
  const std::vector<double> left = finite(a);
  const std::vector<double> right = finite(b);
  if (left.empty() || right.empty()) return 1;
  const Ranked ranked = rank(left, right);
  const auto m = static_cast<double>(left.size());
  const auto n = static_cast<double>(right.size());
  const double smaller = std::min(ranked.u, m * n - ranked.u);
  if (ranked.tie_cubes == 0 && left.size() <= kExactMax && right.size() <= kExactMax) {
    return std::min(1.0, 2 * exact_cdf(left.size(), right.size(), smaller));
  }
  const double all = m + n;
  const double variance = m * n / 12 * (all + 1 - ranked.tie_cubes / (all * (all - 1)));
  if (!(variance > 0)) return 1;
  const double z = (smaller + 0.5 - m * n / 2) / std::sqrt(variance);
  return std::min(1.0, 2 * normal_cdf(z));
}

double shift(std::span<const double> a, std::span<const double> b) {
  const std::vector<double> left = thinned(finite(a));
  const std::vector<double> right = thinned(finite(b));
  std::vector<double> differences;
  differences.reserve(left.size() * right.size());
  for (double x : left) {
    for (double y : right) differences.push_back(y - x);
  }
  return quantile(std::move(differences), 0.5);
}

double mcnemar_exact(std::int64_t b, std::int64_t c) {
  b = std::max<std::int64_t>(b, 0);
  c = std::max<std::int64_t>(c, 0);
  return std::min(1.0, 2 * binomial_cdf(std::min(b, c), b + c, 0.5));
}

double permutation_p(std::int64_t count_ge, std::int64_t n) {
  n = std::max<std::int64_t>(n, 0);
  return static_cast<double>(std::clamp<std::int64_t>(count_ge, 0, n) + 1) / static_cast<double>(n + 1);
}

double permutation_p(double observed, std::span<const double> permuted) {
  // The observed split may come up again with its sums added in another order.
  const double reached = observed - 1e-12 * std::abs(observed);
  const auto count = std::count_if(permuted.begin(), permuted.end(), [&](double v) { return v >= reached; });
  return permutation_p(count, static_cast<std::int64_t>(permuted.size()));
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!std::isnan(p[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size(), std::numeric_limits<double>::quiet_NaN());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double scaled = static_cast<double>(order.size() - rank) * p[order[rank]];
    largest = std::max(largest, std::min(1.0, scaled));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

}  // namespace moestress::stats

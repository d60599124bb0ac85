#include "stats/interval.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random.h"
#include "stats/distribution.h"
#include "stats/finite.h"
#include "stats/quantile.h"

namespace moestress::stats {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

Interval wilson(double successes, double trials, double confidence) {
  if (!(trials > 0) || !std::isfinite(trials) || std::isnan(successes)) return {0, 1};
  const double z = normal_two_sided(confidence);
  if (!std::isfinite(z)) return {0, 1};
  const double p = std::clamp(successes / trials, 0.0, 1.0);
  const double z2n = z * z / trials;
  const double middle = p + z2n / 2;
  const double half = std::sqrt(z2n * (p * (1 - p) + z2n / 4));
  // At p = 0 and p = 1 the ends are 0 and 1 exactly; rounding must not make them miss the share itself.
  const double lo = p == 0 ? 0 : (middle - half) / (1 + z2n);
  const double hi = p == 1 ? 1 : (middle + half) / (1 + z2n);
  return {std::max(lo, 0.0), std::min(hi, 1.0)};
}

std::optional<std::int64_t> wilson_trials(double share, double limit, double confidence) {
  const double z = normal_two_sided(confidence);
  if (!(share > limit) || !(limit >= 0) || !(share <= 1) || !std::isfinite(z)) return std::nullopt;
  const double trials = z * z * limit * (1 - limit) / ((share - limit) * (share - limit));
  constexpr double kTrialsMax = 1e15;
  return trials < kTrialsMax ? std::optional(static_cast<std::int64_t>(trials) + 1) : std::nullopt;
}

Interval mean_interval(std::span<const double> values, double confidence) {
  const std::vector<double> kept = finite(values);
  if (kept.size() < 2) return {};
  const auto n = static_cast<double>(kept.size());
  const double mean = mean_of(kept);
  double squares = 0;
  for (double value : kept) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  const double half = student_t_two_sided(confidence, n - 1) * error;
  if (std::isnan(half)) return {};
  return {mean - half, mean + half};
}

Interval bootstrap_mean(std::span<const double> values, std::uint64_t seed, int resamples,
                        double confidence) {
  const std::vector<double> kept = finite(values);
  if (kept.size() < 2 || resamples < 1) return {};
  base::Random random(base::derive_seed(seed, "stats.bootstrap_mean"));
  std::vector<double> means(static_cast<std::size_t>(resamples));
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) sum += kept[random.below(kept.size())];
    mean = sum / static_cast<double>(kept.size());
  }
  std::sort(means.begin(), means.end());
  const double tail = (1 - confidence) / 2;
  return {quantile_of_sorted(means, tail), quantile_of_sorted(means, 1 - tail)};
}

}  // namespace moestress::stats

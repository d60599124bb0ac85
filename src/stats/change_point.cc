#include "stats/change_point.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "stats/quantile.h"
#include "stats/significance.h"

namespace moestress::stats {
namespace {

constexpr std::size_t kSeriesMax = 1000;

struct Split {
  std::size_t at = 0;
  double energy = -1;
};

/// The best split of values into [0, at) and [at, n), in O(n²): the three sums of distances are carried from
/// split to split.
Split best_split(std::span<const double> values, std::size_t min_segment) {
  const std::size_t n = values.size();
  double within_left = 0;
  double within_right = 0;
  double between = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) within_right += std::abs(values[i] - values[j]);
  }
  Split best;
  for (std::size_t at = 1; at + min_segment <= n; ++at) {
    double to_left = 0;
    double to_right = 0;
    for (std::size_t i = 0; i + 1 < at; ++i) to_left += std::abs(values[at - 1] - values[i]);
    for (std::size_t i = at; i < n; ++i) to_right += std::abs(values[at - 1] - values[i]);
    within_left += to_left;
    within_right -= to_right;
    between += to_right - to_left;
    if (at < min_segment) continue;
    const auto m = static_cast<double>(at);
    const auto k = static_cast<double>(n - at);
    const auto pairs = [](double count) { return std::max(1.0, count * (count - 1) / 2); };
    const double energy =
        m * k / (m + k) * (2 * between / (m * k) - within_left / pairs(m) - within_right / pairs(k));
    if (energy > best.energy) best = {at, energy};
  }
  return best;
}

}  // namespace

std::vector<ChangePoint> change_points(std::span<const double> series, std::uint64_t seed,
                                       double significance, int permutations, std::size_t min_segment) {
  min_segment = std::max<std::size_t>(min_segment, 1);
  std::vector<double> values;
  std::vector<std::size_t> positions;
  for (std::size_t i = series.size() - std::min(series.size(), kSeriesMax); i < series.size(); ++i) {
    if (!std::isfinite(series[i])) continue;
    values.push_back(series[i]);
    positions.push_back(i);
  }
  base::Random random(base::derive_seed(seed, "stats.change_points"));
  std::vector<ChangePoint> found;
  std::vector<std::size_t> ends = {0, values.size()};  // of the segments, ascending
  for (std::size_t segment = 0; segment + 1 < ends.size();) {
    const std::size_t begin = ends[segment];
    const std::size_t length = ends[segment + 1] - begin;
    if (length < 2 * min_segment) {
      ++segment;
      continue;
    }
    const std::span<const double> part(values.data() + begin, length);
    const Split split = best_split(part, min_segment);
    std::vector<double> shuffled(part.begin(), part.end());
    std::vector<double> energies;
    for (int i = 0; i < permutations; ++i) {
      random.shuffle(shuffled);
      energies.push_back(best_split(shuffled, min_segment).energy);
    }
    const double p = permutation_p(split.energy, energies);
    if (p > significance || split.energy <= 0) {
      ++segment;
      continue;
    }
    found.push_back({.index = begin + split.at, .p = p});
    ends.insert(ends.begin() + static_cast<std::ptrdiff_t>(segment) + 1, begin + split.at);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto median = [&](std::size_t begin, std::size_t end) {
      return quantile({values.begin() + static_cast<std::ptrdiff_t>(begin),
                       values.begin() + static_cast<std::ptrdiff_t>(end)},
                      0.5);
    };
    found[i].before = median(ends[i], ends[i + 1]);
    found[i].after = median(ends[i + 1], ends[i + 2]);
  }
  for (ChangePoint& point : found) point.index = positions[point.index];
  return found;
}

}  // namespace moestress::stats

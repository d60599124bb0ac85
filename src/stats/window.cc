#include "stats/window.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace moestress::stats {
namespace {

constexpr double kWindowsMax = 1e6;

}  // namespace

std::vector<double> sliding_rates(std::span<const double> event_times_s, std::span<const double> weights,
                                  double window_s, double step_s) {
  if (!(window_s > 0 && step_s > 0) || !std::isfinite(window_s) || !std::isfinite(step_s)) return {};
  std::vector<std::pair<double, double>> events;
  for (std::size_t i = 0; i < event_times_s.size(); ++i) {
    if (!weights.empty() && i >= weights.size()) break;
    const double weight = weights.empty() ? 1 : weights[i];
    if (std::isfinite(event_times_s[i]) && std::isfinite(weight))
      events.emplace_back(event_times_s[i], weight);
  }
  if (events.empty()) return {};
  std::sort(events.begin(), events.end());
  const double first = events.front().first;
  const double room = events.back().first - first - window_s;
  if (room < 0) return {};
  const double step = std::max(step_s, room / (kWindowsMax - 1));
  // A last window that rounding alone pushes past the last event is whole.
  const auto windows = static_cast<std::size_t>(std::floor(room / step * (1 + 1e-12) + 1e-9)) + 1;

  std::vector<double> rates;
  rates.reserve(windows);
  std::size_t entering = 0;
  std::size_t leaving = 0;
  std::vector<double> sums(events.size() + 1, 0.0);
  for (std::size_t i = 0; i < events.size(); ++i) sums[i + 1] = sums[i] + events[i].second;
  for (std::size_t i = 0; i < windows; ++i) {
    const double begin = first + static_cast<double>(i) * step;
    while (leaving < events.size() && events[leaving].first <= begin) ++leaving;
    while (entering < events.size() && events[entering].first <= begin + window_s) ++entering;
    rates.push_back((sums[entering] - sums[leaving]) / window_s);
  }
  return rates;
}

}  // namespace moestress::stats

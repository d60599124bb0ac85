#pragma once

#include <span>
#include <vector>

namespace moestress::stats {

/// Weight per second in each whole window (s, s + window_s], s = first event + i·step_s, that ends no later
/// than the last event: the slowest of them is what "sustained" means. Units: seconds; weight (e.g. tokens)
/// per second. An event's weight was made in the gap before it, so that of the first event belongs to no
/// window. `weights` is empty (each event counts 1) or as long as the times. Times need not be sorted; a pair
/// that is not finite is left out. Empty where the events span less than one window, or a width is not above
/// 0. At most 1,000,000 windows: the step is widened beyond.
std::vector<double> sliding_rates(std::span<const double> event_times_s, std::span<const double> weights,
                                  double window_s, double step_s);

}  // namespace moestress::stats

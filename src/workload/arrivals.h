#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace moestress::workload {

enum class ArrivalKind : std::uint8_t {
  Constant,  ///< request i at i / rate
  Poisson,   ///< independent exponential gaps of mean 1 / rate, one before the first request as well
  /// Independent gamma gaps of shape kBurstShape and mean 1 / rate: bunches with pauses between them
  Gamma,
  Ramp,     ///< Poisson whose rate grows from 0 to twice the mean
  Diurnal,  ///< Poisson whose rate is a day, night to night, pressed into the duration
};

const char* to_string(ArrivalKind kind);  ///< "constant", "poisson", …

/// Shape of the gamma gaps: their standard deviation is 1/√shape = 2 means (a Poisson process has 1).
inline constexpr double kBurstShape = 0.25;
/// How far a day's rate swings about its mean: from 1 − depth at night to 1 + depth at noon.
inline constexpr double kDiurnalDepth = 0.8;
/// Gamma, Ramp and Diurnal give at most this many.
inline constexpr std::size_t kArrivalsMax = 1'000'000;

/// Planned starts of `count` requests, ascending, as offsets from the schedule's beginning. `rate_per_s` > 0.
/// Constant, Poisson and Gamma only: the others need a duration.
std::vector<base::Duration> arrivals(ArrivalKind kind, double rate_per_s, std::size_t count,
                                     std::uint64_t seed);

/// All planned starts before `duration` at a mean rate of `rate_per_s` > 0, ascending; how many is chance,
/// but for Constant. Rates that change in time by thinning a Poisson process of the highest rate (Lewis and
/// Shedler 1979).
std::vector<base::Duration> arrivals_within(ArrivalKind kind, double rate_per_s, base::Duration duration,
                                            std::uint64_t seed);

/// A recorded trace: one instant a line in seconds, first column of a CSV, from any zero and in any order.
/// Empty lines, lines that begin with '#' and a first line that is a heading are left out. Gives offsets from
/// the earliest, ascending. Errors: Format (something that is no number, no instant at all; with `source` and
/// the line), Limit (over kArrivalsMax).
base::Result<std::vector<base::Duration>> parse_arrival_trace(std::string_view text,
                                                              const std::string& source);
/// The same of a file. Errors: Io as well; Limit over 64 MiB.
base::Result<std::vector<base::Duration>> read_arrival_trace(const std::string& path);

}  // namespace moestress::workload

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace moestress::workload {

enum class ArrivalKind : std::uint8_t {
  Constant,  ///< request i at i / rate
  Poisson,   ///< independent exponential gaps of mean 1 / rate, one before the first request as well
};

/// Planned starts of `count` requests, ascending, as offsets from the schedule's beginning. `rate_per_s` > 0.
std::vector<base::Duration> arrivals(ArrivalKind kind, double rate_per_s, std::size_t count,
                                     std::uint64_t seed);

}  // namespace moestress::workload

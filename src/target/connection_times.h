#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "target/wire.h"

namespace moestress::target {

/// What small questions took: each on a connection of its own, and all on one that is kept.
struct ConnectionTimes {
  std::string path;              ///< what was asked for
  std::vector<double> fresh_ms;  ///< with connecting, of those answered with 2xx
  std::vector<double> kept_ms;
  std::int64_t fresh_failed = 0;
  std::int64_t kept_failed = 0;
  std::int64_t kept_closed = 0;  ///< answers after which the server wanted the kept connection closed
  std::string first_failure;     ///< how the first of either kind failed
};

/// `count` of each kind, in turn, so that both see the same server. The question is the lightest that the
/// dialect answers: its health, else its models. Waits; any thread.
ConnectionTimes connection_times(const Address& address, std::int64_t count);

}  // namespace moestress::target

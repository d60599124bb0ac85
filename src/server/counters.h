#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace moestress::server {

/// What the server has counted of itself since it started. Loop thread only.
struct Counters {
  /// By endpoint (a route's path, never the client's text: the set is bounded) and status.
  std::map<std::pair<std::string, int>, std::uint64_t> requests;
  std::uint64_t clients_left = 0;  ///< before their answer was complete
};

}  // namespace moestress::server

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace moestress::store {

/// What a run is, apart from its results. Times are ISO 8601 in UTC, e.g. "2026-03-01T12:00:00Z".
struct RunInfo {
  std::string id;
  std::string suite;
  double scale = 1;
  std::uint64_t seed = 0;
  std::string started;
  std::string ended;    ///< empty while the run goes on, and for ever if it was cut off
  std::string verdict;  ///< empty as long as `ended` is
  std::string version;  ///< of moestress
  std::string reason;   ///< why it ended, if not normally
  std::string environment_json;
  std::string target_json;
};

/// Something that happened in a run: a change of phase, a signal, the death of the target.
struct Event {
  base::Duration at{0};  ///< offset from the run's first instant
  std::string kind;
  std::string text;
};

/// Where a routing trace lies in routing.bin, and what it is of.
struct RoutingEntry {
  std::int64_t id = 0;
  std::string model_id;
  std::string set_label;  ///< the prompt set, e.g. "code"
  std::string prompt_id;
  std::size_t tokens = 0;
  int layers = 0;
  int experts = 0;
  int k = 0;
  std::uint64_t offset = 0;       ///< of its frame in routing.bin
  std::uint64_t frame_bytes = 0;  ///< header and compressed payload
};

}  // namespace moestress::store

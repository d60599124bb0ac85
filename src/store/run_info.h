#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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
  std::optional<double> estimate_seconds =
      std::nullopt;  ///< what the whole run was thought to take, if it was
};

/// Something that happened in a run: a change of phase, a signal, the death of the target.
struct Event {
  base::Duration at{0};  ///< offset from the run's first instant
  std::string kind;
  std::string text;
};

/// An unbroken stretch in which moestress ran; a run that was never cut off has one.
struct Part {
  base::Duration at{0};         ///< its first instant, an offset from the run's
  base::WallTime wall{};        ///< the wall clock then
  base::Duration gap_from{-1};  ///< the last instant recorded before it; -1 ns for the first part
};

/// A model's file as it was when the run began.
struct ModelFile {
  std::string path;
  std::int64_t bytes = 0;
  std::int64_t modified_ns = 0;  ///< since 1970
  bool operator==(const ModelFile&) const = default;
};

/// The first ids that a run has not used yet.
struct NextIds {
  std::int64_t request = 0;
  std::int64_t session = 0;
  std::int64_t series = 0;
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

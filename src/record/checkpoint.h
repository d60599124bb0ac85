#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace moestress::record {

/// Where one thread of a long test stands. With the run's seed it says which request comes next.
struct ThreadPosition {
  std::int64_t turns = 0;          ///< that have ended, well or not, of all its conversations
  std::int64_t conversations = 0;  ///< begun
  bool operator==(const ThreadPosition&) const = default;
};

/// Where a long test stands at one instant, and how the interval since the checkpoint before went: enough to
/// go on from here after moestress was killed. A figure that there was nothing for is absent, never 0.
struct Checkpoint {
  base::Duration at{0};      ///< offset from the run's first instant
  std::int64_t segment = 0;  ///< counts up whenever running was broken off: nothing is joined across two

  // Since the test began, of all segments.
  double active_seconds = 0;  ///< without the gaps
  std::int64_t requests_ok = 0;
  std::int64_t requests_failed = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t replies_looping = 0;  ///< whose text ends in a loop
  std::int64_t error_bursts = 0;
  std::int64_t deaths = 0;  ///< of the target
  std::vector<ThreadPosition> threads;

  // Of the interval.
  double interval_seconds = 0;
  std::optional<double> decode_tok_s;         ///< of one session, while it decodes
  std::optional<double> context_tokens;       ///< of a reply's middle, mean
  std::optional<double> text_diversity;       ///< mean over replies
  std::optional<std::int64_t> private_bytes;  ///< of the target, median
  std::optional<std::int64_t> private_bytes_max;
  std::optional<std::int64_t> own_private_bytes;  ///< of moestress itself, at the end
  std::optional<std::int64_t> own_rss_bytes;
  std::optional<double> others_cpu_cores;  ///< kept busy by neither the target nor moestress, mean
};

}  // namespace moestress::record

#pragma once

#include <atomic>
#include <vector>

#include "base/clock.h"
#include "load/load_result.h"
#include "net/event_loop.h"
#include "record/request.h"

namespace moestress::load {

/// Users that come when they come, whether the server keeps up or not.
struct OpenLoop {
  std::vector<record::Request> requests;  ///< planned_start relative to the start; any order
  /// A bound on our own sockets, not a part of the model: a request that finds this many in flight waits for
  /// one to end, is counted in held_back, and its latency still counts from its planned start.
  int in_flight_max = 256;
  OnOutcome on_outcome;  ///< optional
};

/// Sends each request at its planned start and returns when all have ended. A slow or stalled server delays
/// no later request, so what its users would have felt is in the figures (no coordinated omission).
/// `planned_start` is overwritten with the offset from `epoch`. `cancelled` and `loop` as for
/// run_closed_loop.
LoadResult run_open_loop(net::EventLoop& loop, const base::Clock& clock, base::TimePoint epoch,
                         const Sender& sender, OpenLoop plan, const std::atomic<bool>& cancelled);

}  // namespace moestress::load

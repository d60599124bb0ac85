#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "load/load_result.h"
#include "net/event_loop.h"
#include "record/outcome.h"
#include "record/request.h"

namespace moestress::load {

/// Users that wait for an answer before they ask again.
struct ClosedLoop {
  std::vector<std::vector<record::Request>> sessions;  ///< each session's requests in order
  base::Duration think_time{0};
  std::optional<base::Duration>
      stop_after;  ///< no request begins later than this; those in flight run to their end
  /// A request that has not ended this long after it was sent is hung up on: its outcome is Cancelled, with
  /// the text so far.
  std::optional<base::Duration> hang_up_after;
  /// Completes a session's next request from how the one before it ended, e.g. a conversation's history.
  /// Optional; on the loop's thread.
  std::function<void(record::Request& next, const record::Outcome& previous)> prepare;
  OnOutcome on_outcome;  ///< optional
};

/// Runs all sessions at once and returns when they are through. The first request of a session is planned at
/// `planned_start` after the start, each further one at the end of the one before plus think time and what
/// `prepare` took; `planned_start` is overwritten with that, as an offset from `epoch`. When `cancelled`
/// becomes true (looked at 20 times a second) what is in flight is cancelled and nothing more is sent. `loop`
/// must run on another thread than the caller's.
LoadResult run_closed_loop(net::EventLoop& loop, const base::Clock& clock, base::TimePoint epoch,
                           const Sender& sender, ClosedLoop plan, const std::atomic<bool>& cancelled);

}  // namespace moestress::load

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "load/endless_loop.h"
#include "protocol/marathon_ledger.h"
#include "record/checkpoint.h"
#include "record/outcome.h"
#include "record/sample.h"
#include "workload/marathon_thread.h"

namespace moestress::protocol {

/// What a marathon is run on: the rig, or a simulation in which hours pass in seconds.
class MarathonCourse {
 public:
  virtual ~MarathonCourse() = default;
  virtual base::Duration now() const = 0;  ///< offset from the run's first instant
  virtual base::WallTime wall_now() const = 0;
  virtual bool cancelled() const = 0;
  /// Starts the server if it does not run, and `threads` sessions that ask `next` for what to send.
  virtual base::Status start(std::size_t threads, load::EndlessLoop::Next next) = 0;
  /// Lets them go on until `until`, the server's death or cancellation, and gives what came of it since the
  /// last call. After a death nothing goes on until `start`.
  virtual MarathonSlice advance(base::Duration until) = 0;
  /// Lets no further request begin, waits for those in flight (`at_once`: hangs up on them), and gives what
  /// came of them.
  virtual MarathonSlice finish(bool at_once) = 0;
  /// Puts a checkpoint on disk.
  virtual void keep(const record::Checkpoint& checkpoint) = 0;
  virtual void note_event(const std::string& kind, const std::string& text) = 0;
};

struct MarathonPlan {
  double seconds = 0;  ///< of active running, all segments together
  double checkpoint_seconds = 0;
  std::size_t threads = 0;
  workload::MarathonShape shape;
  base::SessionId first_session{0};
};

/// Runs the conversations for what is left of the plan's time, folding what they come to into the ledger and
/// keeping a checkpoint after each interval. Goes on from where the ledger stands. A server that dies is
/// started again, kMarathonDeathsMax times. Errors: those of the start of a server that had to be restarted.
base::Status run_marathon(const MarathonPlan& plan, MarathonCourse& course, MarathonLedger& ledger,
                          workload::RequestIds& ids);

inline constexpr int kMarathonDeathsMax = 3;
/// A user whose request failed waits this long before the next.
inline constexpr base::Duration kMarathonRetryAfter = std::chrono::seconds(1);
/// A server that has answered nothing for this long, or for half of the planned time, is given up.
inline constexpr double kMarathonPatienceSeconds = 300;
/// Clocks that part by more than this within an interval were set, or the machine slept.
inline constexpr double kClockJumpSeconds = 2;

}  // namespace moestress::protocol

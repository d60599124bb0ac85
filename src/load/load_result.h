#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "record/outcome.h"
#include "record/request.h"

namespace moestress::load {

/// How requests get out; `protocol` binds it to a target. Both are called on the loop's thread.
struct Sender {
  /// Sends now, calls back once on the loop's thread after returning.
  std::function<std::uint64_t(const record::Request&, std::function<void(record::Outcome)>)> send;
  std::function<void(std::uint64_t)> cancel;
};

/// Told of each outcome as it ends, on the loop's thread: for the store and live views. Must be quick.
using OnOutcome = std::function<void(const record::Outcome&)>;

/// How late we were ourselves: the instant a request was handed to the sender minus its planned start.
/// Requests held back by a limit waited for the server and are not in it.
struct ClientLag {
  std::int64_t n = 0;
  double ms_p50 = 0;
  double ms_p99 = 0;
  double ms_max = 0;
};

struct LoadResult {
  std::vector<record::Outcome> outcomes;  ///< by planned start
  std::int64_t unsent = 0;                ///< planned, never sent: cancelled, or past stop_after
  std::int64_t held_back =
      0;  ///< sent late because in_flight_max was reached; their latency still counts from plan
  ClientLag lag;
  bool lag_valid = true;   ///< by `judge_lag`
  std::string lag_reason;  ///< one sentence with the numbers, whichever way it went
};

/// Figures of the latenesses in ms.
ClientLag client_lag(std::vector<double> lag_ms);

/// The rule of validity: lag p99 may be at most 1 % of the median TTFT (from the planned start) of the
/// outcomes that are ok, but a lag of kLagFloorMs is always allowed. Sets lag_valid and lag_reason.
void judge_lag(LoadResult& result);

/// Below this a timer's lateness is the kernel's, not ours: Linux rounds a thread's timers by up to 50 us
/// (timer slack) and wakes a sleeper on a busy machine within a scheduling tick share; 1 % of a latency under
/// 50 ms is less than a clock on a shared machine can promise, and 0.5 ms in it is still under what the
/// figure is shown to.
inline constexpr double kLagFloorMs = 0.5;
inline constexpr double kLagShareMax = 0.01;

}  // namespace moestress::load

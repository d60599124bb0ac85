#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "load/load_result.h"
#include "net/event_loop.h"
#include "record/outcome.h"
#include "record/request.h"

namespace moestress::load {

/// What both loops share: sends requests, knows which are in flight, notes how late each was sent, collects
/// the outcomes. Shared by its callbacks; loop thread only, but for making it and, once all is over,
/// take_result.
class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
 public:
  using Done = std::function<void(const record::Outcome&)>;

  Dispatcher(net::EventLoop& loop, const base::Clock& clock, base::TimePoint epoch, Sender sender,
             OnOutcome on_outcome);

  /// Sends now. `request.planned_start` is an offset from the epoch. A request that was held back by a limit
  /// is counted as such, and its lateness is not ours.
  void send(const record::Request& request, bool held_back, Done done);
  /// Requests sent from now on are hung up on if they have not ended so long after.
  void hang_up_after(base::Duration time) { hang_up_after_ = time; }
  void add_unsent(std::int64_t requests) { result_.unsent += requests; }
  std::size_t in_flight() const { return in_flight_.size(); }

  /// Looks at `cancelled` 20 times a second; once it is true, cancels all that is in flight and calls
  /// `on_cancel`. Requests sent after that are cancelled by whoever sends them: don't.
  void watch(const std::atomic<bool>& cancelled, std::function<void()> on_cancel);
  void unwatch();

  base::TimePoint now() const { return clock_.now(); }
  base::TimePoint epoch() const { return epoch_; }
  net::EventLoop& loop() { return loop_; }

  /// Outcomes by planned start, with the client's lag judged.
  LoadResult take_result();

 private:
  void look(const std::atomic<bool>& cancelled, std::function<void()> on_cancel);

  net::EventLoop& loop_;
  const base::Clock& clock_;
  const base::TimePoint epoch_;
  const Sender sender_;
  const OnOutcome on_outcome_;
  std::uint64_t next_ = 1;
  struct InFlight {
    std::uint64_t theirs = 0;  ///< the sender's id
    std::uint64_t timer = 0;   ///< 0: may take as long as it likes
  };

  std::unordered_map<std::uint64_t, InFlight> in_flight_;  ///< by our id
  std::optional<base::Duration> hang_up_after_;
  std::vector<double> lag_ms_;
  std::uint64_t watch_timer_ = 0;
  std::deque<record::Outcome> outcomes_;  ///< in order of their ends; a deque, since they stay where they are
  LoadResult result_;
};

}  // namespace moestress::load

#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "net/event_loop.h"

namespace moestress::net {

/// `from` + `by`, staying at the end of time instead of wrapping around.
constexpr base::TimePoint later(base::TimePoint from, base::Duration by) {
  return by > base::TimePoint::max() - from ? base::TimePoint::max() : from + by;
}

/// A deadline that moves at each read of a stream: moving it later costs a store, since the timer that is
/// already set looks again when it fires. Internal to net, owned by a connection, loop thread only.
class Deadline {
 public:
  /// `expired` runs on the loop each time a deadline passes, which clears it.
  Deadline(EventLoop& loop, std::function<void()> expired);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(base::TimePoint due);
  void clear() { due_ = base::TimePoint::max(); }

 private:
  void arm();
  void on_timer();

  EventLoop& loop_;
  std::function<void()> expired_;
  base::TimePoint due_ = base::TimePoint::max();
  base::TimePoint armed_for_ = base::TimePoint::max();
  std::uint64_t timer_ = 0;  ///< 0: none is set
};

}  // namespace moestress::net

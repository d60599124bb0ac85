#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "net/event_loop.h"

namespace moestress::net {

/// The Asio side of an EventLoop; internal to net. Owned by its loop. Timers are kept here in one table with
/// one kernel alarm, so that a cancelled timer never runs and setting one costs no system call unless it is
/// the first.
struct EventLoop::Sockets {
  ~Sockets();
  /// Sets the alarm for the first timer, where it isn't set early enough.
  void arm();
  /// Runs what is due.
  void ring();

  // Before the context: what it destroys may cancel timers.
  std::map<std::pair<base::TimePoint, std::uint64_t>, std::function<void()>> timers;
  std::unordered_map<std::uint64_t, base::TimePoint> due;
  std::uint64_t next_timer = 1;
  base::TimePoint armed_for = base::TimePoint::max();

  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  boost::asio::steady_timer alarm{context};
};

}  // namespace moestress::net

#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace moestress::net {

/// One thread's loop of sockets and timers. Whoever calls `run` is its thread; `post` and `stop` may come
/// from any thread, everything else from the loop's own (or before it runs). Clients and servers made on it
/// must not outlive it.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until stop() is called; at once if it was called before. Idle waiting costs nothing. Tasks must not
  /// throw.
  void run();
  void stop();
  void post(std::function<void()> task);
  /// Runs `task` at `when` (monotonic clock), on the loop's thread.
  std::uint64_t at(base::TimePoint when, std::function<void()> task);
  /// A cancelled timer never runs. One that has run or was cancelled already is ignored.
  void cancel_timer(std::uint64_t timer);
  base::TimePoint now() const;

  struct Sockets;  ///< the Asio side, known to net's own sources only
  Sockets& sockets() { return *sockets_; }

 private:
  std::unique_ptr<Sockets> sockets_;
};

}  // namespace moestress::net

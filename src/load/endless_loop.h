#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "load/load_result.h"
#include "net/event_loop.h"
#include "record/outcome.h"
#include "record/request.h"

namespace moestress::load {

/// Users that ask again as soon as they are answered, for as long as it is wanted: nothing is kept but what
/// ended since it was last taken. There is no schedule that it could be late for: a request is planned for
/// the instant at which it is sent. Made, asked and destroyed on a thread other than the loop's.
class EndlessLoop {
 public:
  struct Step {
    record::Request request;
    base::Duration wait{0};  ///< before it is sent, e.g. after a failure
  };
  /// The next request of session `session` (0, 1, …) after how the one before it ended (nullptr for the
  /// first). On the loop's thread; must be quick.
  using Next = std::function<Step(std::size_t session, const record::Outcome* previous)>;

  /// Starts. When `cancelled` becomes true (looked at 20 times a second), what is in flight is cancelled and
  /// nothing more is sent. `loop`, which runs, `clock` and `cancelled` outlive it.
  EndlessLoop(net::EventLoop& loop, const base::Clock& clock, base::TimePoint epoch, Sender sender,
              std::size_t sessions, Next next, const std::atomic<bool>& cancelled);
  /// Cancels what is in flight and waits for it.
  ~EndlessLoop();
  EndlessLoop(const EndlessLoop&) = delete;
  EndlessLoop& operator=(const EndlessLoop&) = delete;

  /// What ended since the last call, in order of ends.
  std::vector<record::Outcome> take();
  /// Begins no further request, and waits for those in flight, or cancels them; what they came to is there to
  /// take.
  void finish(bool cancel = false);

 private:
  class Run;
  std::shared_ptr<Run> run_;
  net::EventLoop& loop_;
};

}  // namespace moestress::load

#pragma once

#include <functional>
#include <thread>

#include "base/result.h"

namespace moestress::app {

/// Turns SIGINT and SIGTERM into calls, on a thread of its own, instead of handlers with globals. Make it
/// before any other thread: it blocks the two signals for this thread and those made after it. Owned by a
/// command.
class StopSignals {
 public:
  /// `on_signal` is told how many have come, this one counted. Errors: Internal (no file descriptor to be
  /// had).
  static base::Result<StopSignals> watch(std::function<void(int count)> on_signal);
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;
  /// Watches no longer and lets the signals act as they do by default.
  ~StopSignals();

 private:
  StopSignals(int signals, int end, std::function<void(int count)> on_signal);
  int signals_ = -1;  ///< signalfd
  int end_ = -1;      ///< eventfd that ends the thread
  std::thread thread_;
};

}  // namespace moestress::app

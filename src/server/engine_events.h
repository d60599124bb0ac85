#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "engine/batcher.h"

namespace moestress::server {

/// One step of one generation, on its way from the batcher's thread to the loop.
struct EngineEvent {
  std::uint64_t generation = 0;
  std::variant<engine::GeneratedToken, engine::GenerationEnd> what;
};

/// Carries events from the batcher's thread to the loop's. The loop is woken once for all that gathers until
/// it gets to them, so a decode step of several slots costs about one wake-up. Any thread may put; one takes.
class EngineEvents {
 public:
  /// `wake` is called when the first event of a batch is put; whoever it wakes calls take().
  explicit EngineEvents(std::function<void()> wake) : wake_(std::move(wake)) {}

  void put(EngineEvent event) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = events_.empty();
      events_.push_back(std::move(event));
    }
    if (first) wake_();
  }

  std::vector<EngineEvent> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<EngineEvent> events_;
};

}  // namespace moestress::server

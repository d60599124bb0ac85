#pragma once

#include <chrono>

namespace moestress::base {

using Duration = std::chrono::nanoseconds;
/// A point on the monotonic clock. Every time in a run is one of these, or an offset from the run's first.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// A point on the wall clock, for people and file names only; never subtracted from another.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// The one source of time. Not owned by those who use it; any thread may call it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual WallTime wall_now() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  TimePoint now() const override;
  WallTime wall_now() const override;
};

/// A clock that moves when it is told to, for tests and simulations. One thread at a time.
class FakeClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint{elapsed_}; }
  WallTime wall_now() const override { return WallTime{wall_start_ + elapsed_}; }
  void advance(Duration by) { elapsed_ += by; }

 private:
  Duration elapsed_{0};
  Duration wall_start_ = std::chrono::hours(24 * 365 * 30);
};

constexpr double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr double to_ms(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }
constexpr Duration from_seconds(double s) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

}  // namespace moestress::base

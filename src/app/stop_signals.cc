#include "app/stop_signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <utility>

namespace moestress::app {

namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

void watch_until(int signals, int end, const std::function<void(int)>& on_signal) {
  int count = 0;
  while (true) {
    pollfd ready[2] = {{.fd = signals, .events = POLLIN, .revents = 0},
                       {.fd = end, .events = POLLIN, .revents = 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    signalfd_siginfo info{};
    if (ready[0].revents != 0 && ::read(signals, &info, sizeof info) == sizeof info) on_signal(++count);
  }
}

}  // namespace

base::Result<StopSignals> StopSignals::watch(std::function<void(int count)> on_signal) {
  const sigset_t set = stop_set();
  const int end = ::eventfd(0, EFD_CLOEXEC);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (end < 0 || signals < 0) {
    const int error = errno;
    if (end >= 0) ::close(end);
    if (signals >= 0) ::close(signals);
    return base::fail(base::ErrorCode::Internal, "can't watch for signals: {}", std::strerror(error));
  }
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return StopSignals(signals, end, std::move(on_signal));
}

StopSignals::StopSignals(int signals, int end, std::function<void(int count)> on_signal)
    : signals_(signals),
      end_(end),
      thread_([=, call = std::move(on_signal)] { watch_until(signals, end, call); }) {}

StopSignals::StopSignals(StopSignals&& other) noexcept
    : signals_(std::exchange(other.signals_, -1)),
      end_(std::exchange(other.end_, -1)),
      thread_(std::move(other.thread_)) {}

StopSignals::~StopSignals() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  while (::write(end_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  ::close(signals_);
  ::close(end_);
  const sigset_t set = stop_set();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace moestress::app

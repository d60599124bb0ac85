#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/url.h"

namespace moestress::net {

/// Bytes to send as they are, then what to wait for.
struct RawStep {
  std::string send;
  bool half_close = false;  ///< says after the bytes that no more will come
  /// Whether the bytes received since the step began are enough to go on. Absent: the last step waits for the
  /// connection's end, another one for its bytes to be sent.
  std::function<bool(std::string_view received)> until{};
};

/// How fast bytes are taken from the kernel.
struct ReadPace {
  std::size_t bytes = 0;    ///< of one read; 0: all that is there, at once
  base::Duration every{0};  ///< between two reads
  int receive_buffer =
      0;  ///< of the socket, so that the kernel doesn't read ahead for us; 0: the system's own
  const std::atomic<bool>* hurry = nullptr;  ///< once it is true the rest is read at once
};

struct RawExchange {
  std::vector<RawStep> steps;
  ReadPace pace{};
  base::Duration patience = std::chrono::seconds(10);  ///< for all of it
};

enum class RawEnd : std::uint8_t {
  Enough,  ///< the last step has what it waited for; we hung up
  Closed,  ///< by the server, in an orderly way
  Reset,
  TimedOut,
  NotConnected,
  TooLarge,  ///< over 16 MiB came
};

struct RawAnswer {
  std::string received;         ///< in all steps
  std::size_t paced_bytes = 0;  ///< of these, those read slowly
  std::size_t step = 0;         ///< the last one begun
  RawEnd end = RawEnd::NotConnected;
  std::string detail;  ///< of NotConnected and Reset
  base::Duration took{0};
};

/// What no well-behaved client sends, over one connection (plain or TLS) that is closed at the end. Waits;
/// not for measuring latencies. Whatever happens is an answer.
RawAnswer exchange_raw(const Url& origin, RawExchange exchange);

}  // namespace moestress::net

#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "base/clock.h"
#include "record/request.h"
#include "target/wire.h"

namespace moestress::target {

/// A client that takes `bytes` every `every` until `hurry` is true, then the rest at once.
struct SlowReading {
  std::size_t bytes = 16;
  base::Duration every = std::chrono::milliseconds(250);
  base::Duration patience = std::chrono::seconds(60);  ///< for all of it
  const std::atomic<bool>* hurry = nullptr;
};

struct SlowReply {
  int status = 0;              ///< 0 where none came
  bool whole = false;          ///< the end marker of its stream came
  std::size_t slow_bytes = 0;  ///< read slowly
  std::size_t bytes = 0;       ///< in all, with the head
  std::string detail;          ///< how it ended where it is not whole
};

/// Sends `request`, which must be a stream over HTTP, and reads the reply slowly, on a connection of its own
/// whose kernel buffer is as small as the system allows. Waits; any thread.
SlowReply read_slowly(const Address& address, const record::Request& request, const SlowReading& how);

}  // namespace moestress::target

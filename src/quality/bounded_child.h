#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace moestress::quality {

/// What a child and everything it starts may take. The kernel holds each process to the per-process bounds;
/// sums over its processes are looked at a hundred times a second.
struct ChildLimits {
  base::Duration wall = std::chrono::seconds(10);
  int cpu_seconds = 10;                               ///< of each process
  std::int64_t memory_bytes = std::int64_t{1} << 30;  ///< address space of each, resident of all together
  std::int64_t file_bytes = std::int64_t{1} << 24;    ///< of each file written
  int processes = 64;                                 ///< at once, threads included
  std::size_t output_bytes = std::size_t{1} << 16;    ///< of stdout and stderr together; more ends it
};

/// Text that the child can read from a file descriptor of its own, under the number that `{<index>}` in an
/// argument becomes: "{0}" for the first.
using ChildInputs = std::vector<std::string>;

struct ChildEnd {
  enum class Cause { Exited, Signalled, TimedOut, MemoryExceeded, OutputExceeded, ProcessesExceeded };
  Cause cause = Cause::Exited;
  int code = 0;        ///< exit code or signal
  std::string output;  ///< stdout and stderr as they came, up to the bound
  double seconds = 0;
};

/// Runs a program to its end, without stdin, and kills its process group when it passes a bound (what
/// bubblewrap started ends with it). As root it runs as `nobody` if `drop_root` is set, since the kernel
/// bounds root's processes by nothing. Any thread. Errors: Io (it can't be started).
base::Result<ChildEnd> run_bounded(std::vector<std::string> argv, const ChildInputs& inputs,
                                   const ChildLimits& limits, bool drop_root);

}  // namespace moestress::quality

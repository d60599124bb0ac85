#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace moestress::probe {

struct BandwidthOptions {
  int threads = 0;  ///< 0: one for each CPU that this process may run on
  std::size_t array_bytes =
      0;                 ///< of each array; 0: 4 × all last-level caches, within [64 MiB, 1 GiB] and memory
  int repetitions = 10;  ///< of each kernel, at most; the first, which warms up, is not counted
  double seconds_max = 1;  ///< no repetition is begun later than this, but three there always are
  std::string proc_root = "/proc";
  std::string sys_root = "/sys";
};

struct BandwidthFigure {
  double best_bytes_per_s = 0;
  double median_bytes_per_s = 0;
};

/// Memory bandwidth as measured on this machine, all threads together.
struct Bandwidth {
  BandwidthFigure
      triad;  ///< a[i] = b[i] + s·c[i], counted as 24 bytes for each i (STREAM's rule: no write-allocate)
  BandwidthFigure read;  ///< sum of a[i], 8 bytes for each i: what decoding does with weights
  int threads = 0;
  std::size_t array_bytes = 0;
  std::size_t last_level_cache_bytes = 0;  ///< all instances together; 0: the machine does not tell
  bool arrays_exceed_cache = false;        ///< by a factor of 4; else the figures may be of the cache
  int repetitions = 0;                     ///< that were counted, of each kernel
};

/// Takes under 1.5 s with default options, and is not to be run beside a timed test. After McCalpin's STREAM
/// (https://www.cs.virginia.edu/stream/): arrays of at least four times the last-level cache, first touched
/// by the thread that works on them, best of several repetitions. Errors: Usage (options out of range), Limit
/// (not enough memory for the arrays), Io (no threads).
base::Result<Bandwidth> measure_bandwidth(const BandwidthOptions& options = {});

}  // namespace moestress::probe

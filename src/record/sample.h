#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"

namespace moestress::record {

// Times are offsets from the run's first instant. A figure that could not be read is absent, never 0.

/// The target's process tree at one instant: sums over its processes.
struct ProcessSample {
  base::Duration at{0};
  base::SeriesId series;
  int processes = 0;
  std::int64_t rss_anon_bytes = 0;
  std::int64_t rss_file_bytes = 0;
  std::int64_t rss_shmem_bytes = 0;
  std::int64_t swap_bytes = 0;
  std::int64_t cpu_time_ns = 0;  ///< user + system since the process began
  int threads = 0;
  std::optional<int> fds;  ///< absent without permission
  std::optional<std::int64_t>
      read_bytes;  ///< from storage since the process began; absent without permission
  std::optional<std::int64_t>
      written_bytes;  ///< to storage since the process began; absent without permission
  /// Memory that only this process holds: what leaks.
  std::int64_t private_bytes() const { return rss_anon_bytes + swap_bytes; }
};

struct HostSample {
  base::Duration at{0};
  std::int64_t memory_total_bytes = 0;
  std::int64_t memory_available_bytes = 0;
  std::int64_t page_cache_bytes = 0;
  std::int64_t swap_used_bytes = 0;
  std::int64_t cpu_busy_ns = 0;                ///< since boot, summed over CPUs
  std::optional<double> memory_pressure_some;  ///< PSI avg10, per cent
  std::optional<double> cpu_pressure_some;
  std::optional<double> io_pressure_some;
  std::optional<std::int64_t> cgroup_used_bytes;   ///< of moestress's own memory cgroup
  std::optional<std::int64_t> cgroup_limit_bytes;  ///< the lowest that binds it; absent: none
};

/// One GPU at one instant.
struct DeviceSample {
  base::Duration at{0};
  std::string device;  ///< "CUDA0"; from NVML "GPU0" (its numbers may differ from CUDA's); "node1"
  std::string source;  ///< "nvml v2", "nvml v1" (its used includes reserved), "numa", "engine"
  std::optional<std::int64_t> used_bytes;     ///< of the whole device
  std::optional<std::int64_t> process_bytes;  ///< of the target
  std::optional<double> utilisation;          ///< 0..1
  std::optional<double> power_watts;
  std::optional<std::int64_t> total_bytes;     ///< of the device
  std::optional<std::int64_t> reserved_bytes;  ///< by the driver, where it is told apart
  std::optional<double> energy_joules;         ///< since the driver was loaded
};

}  // namespace moestress::record

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/sample.h"

namespace moestress::probe {

struct MemoryInfo {
  std::int64_t total_bytes = 0;
  std::int64_t available_bytes = 0;
  std::int64_t page_cache_bytes = 0;  ///< Cached + Buffers − Shmem
  std::int64_t swap_total_bytes = 0;
  std::int64_t swap_free_bytes = 0;
};
/// From meminfo; absent if it can't be read or lacks MemTotal or MemAvailable.
std::optional<MemoryInfo> read_memory_info(const std::string& proc_root = "/proc");

/// Pressure stall information of one resource, avg10 in per cent.
struct Pressure {
  double some = 0;
  std::optional<double> full;
};
/// `resource` is "cpu", "memory" or "io". Absent on kernels without PSI.
std::optional<Pressure> read_pressure(const std::string& resource, const std::string& proc_root = "/proc");

/// Busy time of all CPUs together since boot (everything but idle and iowait, guest time counted once);
/// absent if /proc/stat can't be read.
std::optional<std::int64_t> read_cpu_busy_ns(const std::string& proc_root = "/proc");

/// A memory cgroup and what bounds it.
struct CgroupMemory {
  int version = 2;
  std::optional<std::int64_t> used_bytes;   ///< of the process's own group
  std::optional<std::int64_t> limit_bytes;  ///< the lowest on the way up to the root; absent: none
};
/// The memory cgroup of a process (`pid` 0: our own), version 1 or 2. Inside a container the path that /proc
/// names may not be mounted; then the mount's root stands for it. Absent without a memory controller.
std::optional<CgroupMemory> read_cgroup_memory(int pid = 0, const std::string& proc_root = "/proc",
                                               const std::string& sys_root = "/sys");

struct NumaNode {
  int node = 0;
  std::string cpus;  ///< as the kernel lists them, "0-71"; empty: memory alone, e.g. the HBM of a GH200
  std::int64_t total_bytes = 0;
  std::int64_t free_bytes = 0;
};
std::vector<NumaNode> read_numa_nodes(const std::string& sys_root = "/sys");

/// Everything of a host sample but its time; absent if the memory can't be read.
std::optional<record::HostSample> read_host(const std::string& proc_root = "/proc",
                                            const std::string& sys_root = "/sys");

}  // namespace moestress::probe

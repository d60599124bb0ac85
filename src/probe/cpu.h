#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moestress::probe {

struct CpuInfo {
  std::string model;                        ///< "AMD EPYC"; on ARM implementer and part; empty if unknown
  int logical = 0;                          ///< online
  int cores = 0;                            ///< physical; 0: the machine does not tell
  int packages = 0;                         ///< sockets; 0: the machine does not tell
  std::int64_t last_level_cache_bytes = 0;  ///< all instances together; 0: the machine does not tell
  std::vector<std::string> governors;  ///< of frequency scaling, each once; empty: none is in charge here
  std::optional<bool> boost;           ///< frequencies above the nominal one are allowed
  std::optional<bool> hypervisor;      ///< runs in a virtual machine; only x86 tells
};

CpuInfo read_cpu_info(const std::string& proc_root = "/proc", const std::string& sys_root = "/sys");

}  // namespace moestress::probe

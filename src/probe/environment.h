#pragma once

#include <string>
#include <utility>
#include <vector>

namespace moestress::probe {

struct EnvironmentOptions {
  std::string proc_root = "/proc";
  std::string sys_root = "/sys";
  std::string os_release = "/etc/os-release";
  std::string nvml_library = "libnvidia-ml.so.1";
  /// (name, version) of moestress and what it is built on, e.g. {"moestress", "0.1.0"}.
  std::vector<std::pair<std::string, std::string>> versions;
};

/// The machine a run was made on, as a JSON object: "cpu", "memory", "cgroup", "numa", "gpus",
/// "gpu_driver", "kernel", "os", "governor", "boost", "virtualisation", "versions". What can't be read is
/// null. Holds no host name, no user name, no address and no path.
std::string environment_json(const EnvironmentOptions& options = {});

}  // namespace moestress::probe

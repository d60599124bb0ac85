#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::protocol {

/// What `moestress serve` reads back from its engine and tells at /props.
struct ServerProperties {
  struct Device {
    std::string name;
    bool host = false;
    bool software = false;
    std::uint64_t model_bytes = 0;
    std::uint64_t context_bytes = 0;
    std::uint64_t compute_bytes = 0;
    std::uint64_t total() const { return model_bytes + context_bytes + compute_bytes; }
  };
  std::vector<Device> devices;
  std::uint64_t routed_host_bytes = 0;
  std::uint64_t routed_device_bytes = 0;
  std::uint64_t shared_host_bytes = 0;
  std::uint64_t shared_device_bytes = 0;
  int routed_host_tensors = 0;
  int routed_device_tensors = 0;
  std::map<int, std::string> layer_devices;  ///< MoE layer → "host", "device" or "mixed"
  int slots = 0;
  int context_tokens = 0;  ///< per slot

  std::uint64_t device_bytes() const;  ///< all devices but the host
  bool has_device() const;
};

/// Errors: Format, naming what is missing.
base::Result<ServerProperties> parse_server_properties(std::string_view json);

}  // namespace moestress::protocol

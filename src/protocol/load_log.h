#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moestress::protocol {

/// What llama.cpp's own load log says of the buffers it allocated, by buffer name ("Vulkan0", "CPU",
/// "CPU_Mapped", "CUDA_Host"). These lines are printed by the allocation itself, unlike a server's banner.
struct LoadLog {
  std::map<std::string, std::uint64_t> model_bytes;    ///< "… model buffer size"
  std::map<std::string, std::uint64_t> kv_bytes;       ///< "… KV buffer size"
  std::map<std::string, std::uint64_t> compute_bytes;  ///< "… compute buffer size"
  std::vector<std::string> error_lines;                ///< lines of level error, printable, at most 20

  bool has_model_buffers() const { return !model_bytes.empty(); }
};

/// Reads the text of a target's log; anything unknown in it is passed over. The last load in it counts.
LoadLog parse_load_log(std::string_view text);

/// The log at `path` from byte `begin` on, where the running server's part starts, at most 4 MiB: loading
/// comes first. Empty where it can't be read.
LoadLog read_load_log(const std::string& path, std::uint64_t begin);

/// Whether a buffer of this name is host memory ("CPU…", "…_Host").
bool is_host_buffer(std::string_view name);

}  // namespace moestress::protocol

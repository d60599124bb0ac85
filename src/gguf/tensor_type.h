#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace moestress::gguf {

/// How a tensor's values are stored: blocks of `block_values` values in `block_bytes` bytes each.
struct TensorType {
  std::uint32_t id = 0;   ///< ggml's number, as files have it
  std::string_view name;  ///< "MXFP4", "Q4_K", as llama.cpp's tools print it
  std::uint32_t block_values = 1;
  std::uint32_t block_bytes = 4;
};

/// The type that files number `id`, or nothing where llama.cpp v0.5.0 has no such type (any more).
std::optional<TensorType> tensor_type(std::uint32_t id);

}  // namespace moestress::gguf

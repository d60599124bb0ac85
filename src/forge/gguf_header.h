#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct gguf_context;

namespace moestress::forge {

struct FreeGguf {
  void operator()(gguf_context* gguf) const;
};
using Gguf = std::unique_ptr<gguf_context, FreeGguf>;

/// The metadata of a file without its list of tensors. Errors: Format.
base::Result<Gguf> read_keys(const std::string& path);

/// A tensor as a GGUF file lists it.
struct TensorEntry {
  std::string name;
  std::uint32_t type = 0;          ///< ggml's number
  std::vector<std::int64_t> dims;  ///< ggml's order: the contiguous one first
};

/// Header, `gguf`'s metadata and the tensor list, padded to where the data begins: tensors follow in this
/// order, each padded to GGUF's default alignment.
std::vector<char> header_bytes(gguf_context& gguf, const std::vector<TensorEntry>& tensors);

}  // namespace moestress::forge

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/file.h"

struct gguf_context;

namespace moestress::forge {

/// What a copy of a model has otherwise than the model.
struct CopyChanges {
  std::function<void(gguf_context& keys)> metadata;
  /// ggml's number of the type that a tensor is to have; none: as it is.
  std::function<std::uint32_t(const gguf::Tensor& tensor)> type;
  /// Of one tensor; gives bytes of the type above. `bytes` are the model's.
  std::function<void(const gguf::Tensor& tensor, std::vector<char>& bytes)> data;
};

/// Copies a GGUF file, tensor by tensor. Errors: Format, Io.
base::Status write_copy(const gguf::File& from, const std::string& path, const CopyChanges& changes,
                        const std::function<void(double)>& progress);

}  // namespace moestress::forge

#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace moestress::forge {

/// Copies the model `from` with its quantised weights in F16, each the value that its block stands for.
/// Errors: those of gguf::read; Unsupported (a type that is for intermediate values only); Io.
base::Status write_f16_copy(const std::string& from, const std::string& path,
                            const std::function<void(double)>& progress = {});

}  // namespace moestress::forge

#pragma once

#include <string>

#include "base/log.h"
#include "base/result.h"
#include "engine/model.h"

namespace moestress::engine {

/// What a model file says of itself, read before its weights are: so that a wrong placement or a file that is
/// no model is told at once. Fills all of ModelInfo but `vocabulary`. Of a split model `path` is the first
/// part. Errors: Io (no such file), Format (no GGUF, or one without an architecture).
base::Result<ModelInfo> read_model_file(const std::string& path, const base::Logger& logger);

/// The layer in a tensor's name ("blk.12.ffn_up_exps.weight" gives 12), or -1.
int layer_of(const std::string& tensor_name);
/// What a tensor is for, by its name. Biases of routed experts count as routed experts.
TensorRole role_of(const std::string& tensor_name);

}  // namespace moestress::engine

#pragma once

#include <vector>

#include "engine/model.h"

struct llama_context;

namespace moestress::engine {

/// Where each tensor of a loaded model lives.
std::vector<TensorPlacement> read_placements(const llama_model* model);

/// Bytes of model, KV cache and computation on each device, host memory of all kinds under "CPU".
/// Not while the context decodes on another thread.
std::vector<MemoryUse> read_memory(const llama_context* context);

}  // namespace moestress::engine

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/model.h"

namespace moestress::engine {

/// One token of a batch.
struct BatchEntry {
  Token token = 0;
  int position = 0;
  int sequence = 0;
  bool output = false;  ///< its logits are wanted
};

/// The micro-batches that the engine makes of a batch, in the order it evaluates them: each the indices of
/// its entries, column by column. With a KV cache of its own for each sequence the engine takes the same
/// number of tokens from every sequence of a micro-batch, whose ids must be consecutive, and lays them
/// sequence after sequence (llama_batch_allocr::split_equal with `sequential`, llama.cpp v0.5.0). RoutingTap
/// checks what comes of it. `micro_batch_tokens` is the engine's n_ubatch.
std::vector<std::vector<std::size_t>> micro_batches(std::span<const BatchEntry> entries,
                                                    std::size_t micro_batch_tokens);

}  // namespace moestress::engine

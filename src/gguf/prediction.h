#pragma once

#include <cstdint>
#include <string>

#include "gguf/file.h"
#include "gguf/topology.h"
#include "record/placement.h"

namespace moestress::gguf {

/// Where a model's bytes will be for one placement, and what decoding a token reads, without loading it.
struct Prediction {
  struct Device {
    std::string name;  ///< "host" or "device"
    std::uint64_t weights_bytes = 0;
    std::uint64_t kv_bytes = 0;      ///< F16 cache of all slots
    std::uint64_t routed_bytes = 0;  ///< of weights_bytes: routed experts
    /// Weights read for one token of one sequence: the chosen experts and everything else but the embedding
    /// table, of which only a row is.
    std::uint64_t decode_bytes = 0;
    std::uint64_t decode_routed_bytes = 0;  ///< of decode_bytes: chosen experts
  };
  Device host;
  Device device;           ///< all zero where everything is on the CPU
  int cpu_moe_layers = 0;  ///< MoE layers whose experts are on the host although there is a device
  std::uint64_t kv_bytes_per_token = 0;
};

/// Follows the rules of llama.cpp v0.5.0, loaded as our engine loads it: every layer offloaded, the routed
/// experts' tensors overridden to the CPU layer by layer, biases with their weights. The input layer's tables
/// stay on the host; an output layer tied to the embedding table gets a copy on the device; each slot has a
/// KV cache of its own, rounded up to 256 tokens and not cut to sliding windows. `cpu_only`: no device at
/// all. Bytes exclude what buffers lose to alignment, compute buffers and the program itself.
Prediction predict(const File& file, const Topology& topology, const record::ExpertPlacement& placement,
                   int slots, int context_tokens, bool cpu_only);

}  // namespace moestress::gguf

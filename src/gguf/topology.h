#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "gguf/file.h"

namespace moestress::gguf {

/// The part that a tensor plays, told by its name.
enum class TensorGroup {
  RoutedExpert,  ///< blk.N.ffn_{gate,up,down,gate_up}_exps.*, biases included
  SharedExpert,  ///< blk.N.ffn_*_shexp.*
  Router,        ///< blk.N.ffn_gate_inp.*, blk.N.exp_probs_b.*
  Input,         ///< token_embd and what else the input layer reads
  Other,
};

const char* to_string(TensorGroup group);
TensorGroup tensor_group(const std::string& name);
/// N of "blk.N.", or -1.
int tensor_layer(const std::string& name);

/// A model's shape and where its bytes are, read from the file. A dense model has experts 0 and no MoE
/// layers.
struct Topology {
  std::string architecture;  ///< general.architecture: "gpt-oss"
  std::string name;          ///< general.name
  int layers = 0;
  std::vector<int> moe_layers;       ///< numbers of the layers with routed experts, ascending
  int experts = 0;                   ///< routed experts per MoE layer
  int experts_used = 0;              ///< of these, active per token (the most, where layers differ)
  int experts_shared = 0;            ///< always active beside them
  std::uint64_t context_tokens = 0;  ///< that the model was trained for
  int embedding = 0;
  int heads = 0;     ///< the most of any layer
  int heads_kv = 0;  ///< the most of any layer
  int key_length = 0;
  int value_length = 0;
  std::uint64_t sliding_window = 0;  ///< tokens; 0 where there is none
  std::uint64_t vocabulary = 0;

  std::uint64_t expert_bytes = 0;         ///< one routed expert in one layer, mean over the MoE layers
  std::uint64_t routed_expert_bytes = 0;  ///< all of them
  std::uint64_t shared_expert_bytes = 0;
  std::uint64_t router_bytes = 0;
  std::uint64_t other_bytes = 0;  ///< every other tensor, embeddings included
  std::uint64_t file_bytes = 0;
  /// One token in an F16 KV cache, all layers. Layers with a sliding window are counted in full: a cache that
  /// is cut to the window needs less for long contexts.
  std::uint64_t kv_bytes_per_token = 0;

  std::vector<std::string> quantisations;         ///< tensor types in the file, by falling bytes
  std::vector<std::string> expert_quantisations;  ///< those of the routed experts
};

/// Errors: Format (a needed key or tensor is missing or contradicts another; the text names it), Unsupported
/// (one part of a split model).
base::Result<Topology> topology(const File& file);

/// Bytes of the routed experts of layer `layer`, weights and biases.
std::uint64_t routed_bytes(const File& file, int layer);

}  // namespace moestress::gguf

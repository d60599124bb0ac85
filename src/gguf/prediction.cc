#include "gguf/prediction.h"

namespace moestress::gguf {
namespace {

constexpr std::uint64_t kContextStep = 256;  // llama.cpp rounds a cache up to this many tokens

/// Bytes of a tensor that decoding one token reads.
std::uint64_t decode_bytes(const Tensor& tensor, TensorGroup group, const Topology& topology) {
  if (group == TensorGroup::Input) return tensor.bytes / tensor.dims.back();
  if (group != TensorGroup::RoutedExpert) return tensor.bytes;
  return tensor.bytes / static_cast<std::uint64_t>(topology.experts) *
         static_cast<std::uint64_t>(topology.experts_used);
}

void add(Prediction::Device& device, const Tensor& tensor, TensorGroup group, const Topology& topology) {
  const std::uint64_t read = decode_bytes(tensor, group, topology);
  device.weights_bytes += tensor.bytes;
  device.decode_bytes += read;
  if (group != TensorGroup::RoutedExpert) return;
  device.routed_bytes += tensor.bytes;
  device.decode_routed_bytes += read;
}

}  // namespace

Prediction predict(const File& file, const Topology& topology, const record::ExpertPlacement& placement,
                   int slots, int context_tokens, bool cpu_only) {
  Prediction prediction;
  prediction.host.name = "host";
  prediction.device.name = "device";
  Prediction::Device& main = cpu_only ? prediction.host : prediction.device;
  for (const Tensor& tensor : file.tensors) {
    const TensorGroup group = tensor_group(tensor.name);
    const bool overridden = group == TensorGroup::RoutedExpert && placement.on_cpu(tensor_layer(tensor.name));
    add(group == TensorGroup::Input || overridden ? prediction.host : main, tensor, group, topology);
  }
  if (file.find_tensor("output.weight") == nullptr) {
    // The table is the output matrix too, and as such is read whole; only a device needs its own copy.
    if (const Tensor* table = file.find_tensor("token_embd.weight")) {
      if (!cpu_only) main.weights_bytes += table->bytes;
      main.decode_bytes += table->bytes;
    }
  }
  if (!cpu_only) {
    for (const int layer : topology.moe_layers) prediction.cpu_moe_layers += placement.on_cpu(layer) ? 1 : 0;
  }
  const auto context = static_cast<std::uint64_t>(context_tokens);
  const std::uint64_t cells = (context + kContextStep - 1) / kContextStep * kContextStep;
  prediction.kv_bytes_per_token = topology.kv_bytes_per_token;
  main.kv_bytes = static_cast<std::uint64_t>(slots) * cells * topology.kv_bytes_per_token;
  return prediction;
}

}  // namespace moestress::gguf

#include "gguf/topology.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include "base/text.h"

namespace moestress::gguf {
namespace {

constexpr std::uint64_t kLayersMax = 4096;  // eight times llama.cpp's own bound

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// What follows "blk.N.", or the whole name.
std::string_view within_layer(std::string_view name) {
  if (!starts_with(name, "blk.")) return name;
  const std::size_t dot = name.find('.', 4);
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

/// The architecture's figures, by their keys without the prefix.
class ArchitectureKeys {
 public:
  ArchitectureKeys(const File& file, std::string architecture)
      : file_(file), prefix_(std::move(architecture) + ".") {}

  base::Result<int> needed(const char* key) const {
    const auto value = file_.unsigned_at(prefix_ + key);
    if (!value)
      return base::fail(base::ErrorCode::Format,
                        "{}: key {}{} is missing or no number; is this a language model?", file_.path,
                        shown_prefix(), key);
    return bounded(key, *value);
  }
  base::Result<int> optional(const char* key, int otherwise) const {
    const auto value = file_.unsigned_at(prefix_ + key);
    return value ? bounded(key, *value) : base::Result<int>(otherwise);
  }
  const std::string& path() const { return file_.path; }
  bool has(const char* key) const { return file_.find(prefix_ + key) != nullptr; }

  /// One figure for each layer; `otherwise` for all where the key is absent.
  base::Result<std::vector<std::uint64_t>> per_layer(const char* key, int layers,
                                                     std::vector<std::uint64_t> otherwise) const {
    if (!has(key)) return otherwise;
    auto figures = file_.per_layer(prefix_ + key, static_cast<std::size_t>(layers));
    if (!figures)
      return base::fail(base::ErrorCode::Format,
                        "{}: key {}{} is neither a number nor {} of them, one a layer", file_.path,
                        shown_prefix(), key, layers);
    for (const std::uint64_t figure : *figures) MOESTRESS_TRY_STATUS(bounded(key, figure).map([](int) {}));
    return *std::move(figures);
  }

 private:
  base::Result<int> bounded(const char* key, std::uint64_t value) const {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
      return base::fail(base::ErrorCode::Format, "{}: key {}{} is {}, which no model has", file_.path,
                        shown_prefix(), key, value);
    return static_cast<int>(value);
  }

  std::string shown_prefix() const { return base::printable(prefix_, 80); }

  const File& file_;
  std::string prefix_;
};

int most(const std::vector<std::uint64_t>& figures) {
  return figures.empty() ? 0 : static_cast<int>(*std::max_element(figures.begin(), figures.end()));
}

base::Status read_attention(const ArchitectureKeys& keys, Topology& topology) {
  const auto layers = static_cast<std::size_t>(topology.layers);
  MOESTRESS_TRY(const auto heads, keys.per_layer("attention.head_count", topology.layers,
                                                 std::vector<std::uint64_t>(layers, 0)));
  MOESTRESS_TRY(const auto heads_kv, keys.per_layer("attention.head_count_kv", topology.layers, heads));
  topology.heads = most(heads);
  topology.heads_kv = most(heads_kv);
  const int head_width = topology.heads > 0 ? topology.embedding / topology.heads : 0;
  MOESTRESS_TRY(topology.key_length, keys.optional("attention.key_length", head_width));
  MOESTRESS_TRY(topology.value_length, keys.optional("attention.value_length", head_width));
  MOESTRESS_TRY(const int window, keys.optional("attention.sliding_window", 0));
  topology.sliding_window = static_cast<std::uint64_t>(window);

  // Multi-head latent attention caches the compressed key alone: values are a part of it.
  const bool latent = keys.has("attention.key_length_mla");
  const std::uint64_t width = static_cast<std::uint64_t>(topology.key_length) +
                              (latent ? 0 : static_cast<std::uint64_t>(topology.value_length));
  constexpr std::uint64_t kF16Bytes = 2;
  for (const std::uint64_t count : heads_kv) {
    // Both factors are below 2^32; some 2^16 values is the most that a model has.
    const std::uint64_t values = count * width;
    if (values > (std::uint64_t{1} << 24))
      return base::fail(base::ErrorCode::Format,
                        "{}: {} KV heads of {} values in one layer: no model has these", keys.path(), count,
                        width);
    topology.kv_bytes_per_token += values * kF16Bytes;
  }
  return {};
}

/// Counts bytes by group and finds the layers that have routed experts.
base::Status read_tensors(const File& file, Topology& topology) {
  std::set<int> moe_layers;
  std::map<std::string, std::uint64_t> types;
  std::map<std::string, std::uint64_t> expert_types;
  bool has_shared = false;
  for (const Tensor& tensor : file.tensors) {
    types[std::string(tensor.type.name)] += tensor.bytes;
    switch (tensor_group(tensor.name)) {
      case TensorGroup::RoutedExpert:
        if (tensor.dims.back() != static_cast<std::uint64_t>(topology.experts))
          return base::fail(base::ErrorCode::Format,
                            "{}: tensor \"{}\" holds {} experts, but expert_count is {}", file.path,
                            base::printable(tensor.name, 80), tensor.dims.back(), topology.experts);
        moe_layers.insert(tensor_layer(tensor.name));
        topology.routed_expert_bytes += tensor.bytes;
        expert_types[std::string(tensor.type.name)] += tensor.bytes;
        break;
      case TensorGroup::SharedExpert:
        has_shared = true;
        topology.shared_expert_bytes += tensor.bytes;
        break;
      case TensorGroup::Router:
        topology.router_bytes += tensor.bytes;
        break;
      case TensorGroup::Input:
      case TensorGroup::Other:
        topology.other_bytes += tensor.bytes;
        break;
    }
  }
  topology.moe_layers.assign(moe_layers.begin(), moe_layers.end());
  if (!moe_layers.empty() && (*moe_layers.begin() < 0 || *moe_layers.rbegin() >= topology.layers))
    return base::fail(base::ErrorCode::Format, "{}: experts in layer {}, but block_count is {}", file.path,
                      *moe_layers.rbegin(), topology.layers);
  if (has_shared && topology.experts_shared == 0) topology.experts_shared = 1;  // files of older converters
  if (!moe_layers.empty())
    topology.expert_bytes =
        topology.routed_expert_bytes / (moe_layers.size() * static_cast<std::uint64_t>(topology.experts));

  const auto by_bytes = [](const std::map<std::string, std::uint64_t>& counts) {
    std::vector<std::string> names;
    names.reserve(counts.size());
    for (const auto& [name, bytes] : counts) names.push_back(name);
    std::stable_sort(names.begin(), names.end(),
                     [&](const std::string& a, const std::string& b) { return counts.at(a) > counts.at(b); });
    return names;
  };
  topology.quantisations = by_bytes(types);
  topology.expert_quantisations = by_bytes(expert_types);
  return {};
}

base::Status check_experts(const File& file, const Topology& topology) {
  if (topology.experts_used > topology.experts)
    return base::fail(base::ErrorCode::Format, "{}: {} experts used, but there are {}", file.path,
                      topology.experts_used, topology.experts);
  if (topology.experts > 0 && topology.experts_used == 0)
    return base::fail(base::ErrorCode::Format, "{}: {} experts, but expert_used_count is missing or 0",
                      file.path, topology.experts);
  return {};
}

}  // namespace

const char* to_string(TensorGroup group) {
  switch (group) {
    case TensorGroup::RoutedExpert:
      return "routed experts";
    case TensorGroup::SharedExpert:
      return "shared experts";
    case TensorGroup::Router:
      return "routers";
    case TensorGroup::Input:
      return "input";
    case TensorGroup::Other:
      return "other";
  }
  return "?";
}

TensorGroup tensor_group(const std::string& name) {
  const std::string_view part = within_layer(name);
  const std::string_view stem = part.substr(0, part.find('.'));
  if (stem.size() == part.size() && part.size() == name.size()) return TensorGroup::Other;
  if (part.size() == name.size()) {
    const bool input = stem == "token_embd" || stem == "position_embd" || stem == "token_types";
    return input ? TensorGroup::Input : TensorGroup::Other;
  }
  const bool feed_forward = starts_with(stem, "ffn_");
  if (feed_forward && stem.ends_with("_exps")) return TensorGroup::RoutedExpert;
  if (feed_forward && stem.ends_with("_shexp")) return TensorGroup::SharedExpert;
  if (stem == "ffn_gate_inp" || stem == "exp_probs_b") return TensorGroup::Router;
  return TensorGroup::Other;
}

int tensor_layer(const std::string& name) {
  if (!starts_with(name, "blk.")) return -1;
  int layer = -1;
  const auto [end, error] = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  const bool whole = error == std::errc() && end != name.data() + name.size() && *end == '.';
  return whole && layer >= 0 ? layer : -1;
}

base::Result<Topology> topology(const File& file) {
  if (const auto parts = file.unsigned_at("split.count"); parts && *parts > 1)
    return base::fail(base::ErrorCode::Unsupported,
                      "{}: one of {} parts of a split model; join them with llama-gguf-split --merge",
                      file.path, *parts);
  const auto architecture = file.string_at("general.architecture");
  if (!architecture)
    return base::fail(base::ErrorCode::Format,
                      "{}: key general.architecture is missing; is this a language model?", file.path);
  const ArchitectureKeys keys(file, *architecture);
  Topology topology;
  topology.architecture = *architecture;
  topology.name = file.string_at("general.name").value_or("");
  topology.file_bytes = file.file_bytes;
  MOESTRESS_TRY(topology.layers, keys.needed("block_count"));
  if (topology.layers == 0 || static_cast<std::uint64_t>(topology.layers) > kLayersMax)
    return base::fail(base::ErrorCode::Format, "{}: {} layers; 1 to {} are possible", file.path,
                      topology.layers, kLayersMax);
  MOESTRESS_TRY(topology.embedding, keys.needed("embedding_length"));
  MOESTRESS_TRY(const int context, keys.optional("context_length", 0));
  topology.context_tokens = static_cast<std::uint64_t>(context);
  MOESTRESS_TRY(topology.experts, keys.optional("expert_count", 0));
  MOESTRESS_TRY(const auto used, keys.per_layer("expert_used_count", topology.layers, {}));
  topology.experts_used = most(used);
  MOESTRESS_TRY(topology.experts_shared, keys.optional("expert_shared_count", 0));
  MOESTRESS_TRY_STATUS(check_experts(file, topology));
  MOESTRESS_TRY_STATUS(read_attention(keys, topology));
  MOESTRESS_TRY_STATUS(read_tensors(file, topology));

  if (const Tensor* table = file.find_tensor("token_embd.weight")) topology.vocabulary = table->dims.back();
  if (const Value* tokens = file.find("tokenizer.ggml.tokens")) {
    if (const auto* array = std::get_if<Array>(tokens)) topology.vocabulary = array->count;
  }
  return topology;
}

std::uint64_t routed_bytes(const File& file, int layer) {
  std::uint64_t bytes = 0;
  for (const Tensor& tensor : file.tensors) {
    if (tensor_group(tensor.name) == TensorGroup::RoutedExpert && tensor_layer(tensor.name) == layer)
      bytes += tensor.bytes;
  }
  return bytes;
}

}  // namespace moestress::gguf

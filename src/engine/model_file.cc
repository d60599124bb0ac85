#include "engine/model_file.h"

#include <gguf.h>
#include <llama.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "base/text.h"
#include "engine/engine_log.h"

namespace moestress::engine {
namespace {

struct GgufFree {
  void operator()(gguf_context* file) const { gguf_free(file); }
};
using GgufFile = std::unique_ptr<gguf_context, GgufFree>;

GgufFile open_gguf(const std::string& path) {
  return GgufFile(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}));
}

std::string text_of(const gguf_context* file, const std::string& key) {
  const std::int64_t id = gguf_find_key(file, key.c_str());
  if (id < 0 || gguf_get_kv_type(file, id) != GGUF_TYPE_STRING) return "";
  return gguf_get_val_str(file, id);
}

/// An integer that fits an int and is not negative, else 0: a file may say anything.
int integer_of(const gguf_context* file, const std::string& key) {
  const std::int64_t id = gguf_find_key(file, key.c_str());
  if (id < 0) return 0;
  std::int64_t value = 0;
  switch (gguf_get_kv_type(file, id)) {
    case GGUF_TYPE_UINT8:
      value = gguf_get_val_u8(file, id);
      break;
    case GGUF_TYPE_INT8:
      value = gguf_get_val_i8(file, id);
      break;
    case GGUF_TYPE_UINT16:
      value = gguf_get_val_u16(file, id);
      break;
    case GGUF_TYPE_INT16:
      value = gguf_get_val_i16(file, id);
      break;
    case GGUF_TYPE_UINT32:
      value = gguf_get_val_u32(file, id);
      break;
    case GGUF_TYPE_INT32:
      value = gguf_get_val_i32(file, id);
      break;
    case GGUF_TYPE_INT64:
      value = gguf_get_val_i64(file, id);
      break;
    case GGUF_TYPE_UINT64:
      value = static_cast<std::int64_t>(gguf_get_val_u64(file, id));
      break;
    default:
      break;
  }
  return value >= 0 && value <= INT32_MAX ? static_cast<int>(value) : 0;
}

void collect_moe_layers(const gguf_context* file, std::set<int>& layers) {
  for (std::int64_t i = 0; i < gguf_get_n_tensors(file); ++i) {
    const std::string name = gguf_get_tensor_name(file, i);
    if (role_of(name) == TensorRole::RoutedExpert) layers.insert(layer_of(name));
  }
}

/// The files of a split model after the first, by the engine's own naming.
std::vector<std::string> further_parts(const std::string& path, int parts) {
  std::vector<std::string> paths;
  std::string prefix(path.size() + 1, '\0');
  const int prefix_bytes = llama_split_prefix(prefix.data(), prefix.size(), path.c_str(), 0, parts);
  if (prefix_bytes <= 0) return paths;
  prefix.resize(static_cast<std::size_t>(prefix_bytes));
  for (int part = 1; part < parts; ++part) {
    std::string name(path.size() + 64, '\0');
    const int bytes = llama_split_path(name.data(), name.size(), prefix.c_str(), part, parts);
    if (bytes <= 0) return paths;
    name.resize(static_cast<std::size_t>(bytes));
    paths.push_back(name);
  }
  return paths;
}

}  // namespace

int layer_of(const std::string& tensor_name) {
  constexpr std::string_view kPrefix = "blk.";
  if (tensor_name.compare(0, kPrefix.size(), kPrefix) != 0) return -1;
  int layer = -1;
  const char* end = tensor_name.data() + tensor_name.size();
  const auto [rest, error] = std::from_chars(tensor_name.data() + kPrefix.size(), end, layer);
  return error == std::errc{} && rest != end && *rest == '.' && layer >= 0 ? layer : -1;
}

TensorRole role_of(const std::string& tensor_name) {
  const auto has = [&](const char* part) { return tensor_name.find(part) != std::string::npos; };
  if (has("_exps.")) return TensorRole::RoutedExpert;
  if (has("_shexp.")) return TensorRole::SharedExpert;
  if (has(".ffn_gate_inp.")) return TensorRole::Router;
  return TensorRole::Other;
}

base::Result<ModelInfo> read_model_file(const std::string& path, const base::Logger& logger) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return base::fail(base::ErrorCode::Io, "No model file {}. Check the path.", path);
  }
  if (!std::filesystem::is_regular_file(status)) {
    return base::fail(base::ErrorCode::Io, "{} is not a file. Name a .gguf file.", path);
  }
  const LogScope log(logger, true);
  const GgufFile file = open_gguf(path);
  if (!file) {
    return base::fail(base::ErrorCode::Format, "{} is not a GGUF model that the engine can read ({}).", path,
                      log.quoted());
  }
  ModelInfo info;
  info.path = path;
  info.architecture = base::printable(text_of(file.get(), "general.architecture"));
  if (info.architecture.empty()) {
    return base::fail(base::ErrorCode::Format, "{} names no general.architecture: it is no language model.",
                      path);
  }
  const auto number = [&](const char* key) { return integer_of(file.get(), info.architecture + "." + key); };
  info.name = base::printable(text_of(file.get(), "general.name"));
  info.layers = number("block_count");
  info.experts = number("expert_count");
  info.experts_used = number("expert_used_count");
  info.experts_shared = number("expert_shared_count");
  info.embedding = number("embedding_length");
  info.context_trained = number("context_length");

  std::set<int> moe_layers;
  collect_moe_layers(file.get(), moe_layers);
  info.file_bytes = std::filesystem::file_size(path, error);
  for (const std::string& part : further_parts(path, integer_of(file.get(), "split.count"))) {
    const GgufFile part_file = open_gguf(part);
    if (!part_file) {
      return base::fail(base::ErrorCode::Io, "{}: its part {} can't be read ({}).", path, part, log.quoted());
    }
    collect_moe_layers(part_file.get(), moe_layers);
    info.file_bytes += std::filesystem::file_size(part, error);
  }
  info.moe_layers = static_cast<int>(moe_layers.size());
  return info;
}

}  // namespace moestress::engine

#include "engine/model.h"

#include <fmt/ranges.h>
#include <ggml-backend.h>
#include <llama.h>

#include <algorithm>
#include <exception>

#include "base/check.h"
#include "engine/backends.h"
#include "engine/chat_template.h"
#include "engine/engine_books.h"
#include "engine/engine_log.h"
#include "engine/model_file.h"

namespace moestress::engine {
namespace {

/// Routed experts and, where a model has them, their biases: left on the device, each would cost two more
/// crossings between device and host in every layer (gpt-oss: 20 graph splits instead of 8 with three
/// layers). Shared experts
/// (`_shexp`) are not meant.
constexpr const char* kExpertTensors = R"(\.ffn_(up|down|gate|gate_up)_exps\.)";

/// The layers whose experts stay on the CPU. Errors: Usage, for layers that the model has not.
base::Result<std::vector<int>> cpu_layers(const record::ExpertPlacement& placement, const ModelInfo& info) {
  const auto refuse = [&](int layer) {
    return base::fail(base::ErrorCode::Usage,
                      "Expert placement \"{}\" names layer {}, but {} has {} layers, 0 to {}.",
                      placement.name, layer, info.path, info.layers, info.layers - 1);
  };
  using Kind = record::ExpertPlacement::Kind;
  if (placement.kind == Kind::FirstLayersCpu) {
    if (placement.first_layers < 0 || placement.first_layers > info.layers)
      return refuse(placement.first_layers);
  }
  if (placement.kind == Kind::Listed) {
    for (int layer : placement.cpu_layers) {
      if (layer < 0 || layer >= info.layers) return refuse(layer);
    }
  }
  std::vector<int> layers;
  for (int layer = 0; layer < info.layers; ++layer) {
    if (placement.on_cpu(layer)) layers.push_back(layer);
  }
  return layers;
}

llama_model_params base_params(const LoadOptions& options) {
  llama_model_params params = llama_model_default_params();
  params.split_mode = LLAMA_SPLIT_MODE_LAYER;
  params.load_mode = options.mmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.use_extra_bufts = options.repack;
  // Host weights in plain memory, not in the GPU driver's pinned kind: it shows up in the process' own
  // figures, and nothing copies it to the device.
  params.no_host = true;
  params.vocab_only = options.vocabulary_only;
  if (options.progress) {
    params.progress_callback = [](float progress, void* callback) {
      (*static_cast<const std::function<void(float)>*>(callback))(progress);
      return true;
    };
    params.progress_callback_user_data = const_cast<std::function<void(float)>*>(&options.progress);
  }
  return params;
}

bool is_out_of_memory(const std::string& log) {
  return log.find("llocat") != std::string::npos || log.find("out of memory") != std::string::npos;
}

/// The engine's own loading, exceptions and all.
base::Result<llama_model*> load_weights(const LoadOptions& options, const ChosenDevice& chosen,
                                        const std::vector<int>& layers_on_cpu, const LogScope& log) {
  llama_model_params params = base_params(options);
  ggml_backend_dev_t devices[] = {chosen.handle, nullptr};
  params.devices = devices;
  params.n_gpu_layers = chosen.handle ? -1 : 0;

  const std::string pattern = fmt::format(R"(blk\.({}){})", fmt::join(layers_on_cpu, "|"), kExpertTensors);
  const llama_model_tensor_buft_override overrides[] = {
      {pattern.c_str(), ggml_backend_dev_buffer_type(cpu_device())}, {nullptr, nullptr}};
  if (chosen.handle && !layers_on_cpu.empty()) params.tensor_buft_overrides = overrides;

  llama_model* model = nullptr;
  std::string problem;
  try {
    model = llama_model_load_from_file(options.path.c_str(), params);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (model) return model;
  if (problem.empty()) problem = log.quoted();
  if (is_out_of_memory(problem)) {
    return base::fail(
        base::ErrorCode::Unsupported,
        "{} does not fit into the memory of {} and the host with its experts placed \"{}\" ({}). "
        "Put more experts on the CPU, or take a smaller quantisation.",
        options.path, chosen.device.name, options.experts.name, problem);
  }
  return base::fail(base::ErrorCode::Format, "{} is not a model that the engine loads ({}).", options.path,
                    problem);
}

}  // namespace

base::Result<std::shared_ptr<Model>> Model::load(const LoadOptions& options, const base::Logger& logger) {
  load_backends();
  MOESTRESS_TRY(ModelInfo info, read_model_file(options.path, logger));
  MOESTRESS_TRY(ChosenDevice chosen, choose_device(options.vocabulary_only ? "cpu" : options.device));
  MOESTRESS_TRY(std::vector<int> layers_on_cpu, cpu_layers(options.experts, info));

  const LogScope log(logger, options.vocabulary_only);
  std::shared_ptr<Model> model(new Model);
  MOESTRESS_TRY(model->handle_, load_weights(options, chosen, layers_on_cpu, log));
  info.vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model->handle_));
  model->info_ = std::move(info);
  model->device_ = std::move(chosen.device);
  model->experts_ = options.experts;
  model->templates_ = Templates::parse(model->handle_, options.path);
  return model;
}

Model::~Model() {
  templates_.reset();
  if (handle_) llama_model_free(handle_);
}

std::vector<TensorPlacement> Model::tensors() const { return read_placements(handle_); }

std::vector<Token> Model::tokenize(std::string_view text, bool add_special, bool parse_special) const {
  // The engine counts bytes in 32 bits. Whoever takes texts from outside bounds them far below that.
  CHECK(text.size() < INT32_MAX / 2);
  const llama_vocab* vocabulary = llama_model_get_vocab(handle_);
  const auto bytes = static_cast<std::int32_t>(text.size());
  std::vector<Token> tokens(text.size() + 2);
  const auto tokenize_into = [&] {
    return llama_tokenize(vocabulary, text.data(), bytes, tokens.data(),
                          static_cast<std::int32_t>(tokens.size()), add_special, parse_special);
  };
  int count = tokenize_into();
  if (count < 0) {
    tokens.resize(static_cast<std::size_t>(-count));
    count = tokenize_into();
  }
  CHECK(count >= 0);
  tokens.resize(static_cast<std::size_t>(count));
  return tokens;
}

std::string Model::piece(Token token, bool special) const {
  if (token < 0 || token >= info_.vocabulary) return "";
  const llama_vocab* vocabulary = llama_model_get_vocab(handle_);
  std::string bytes(64, '\0');
  const auto piece_into = [&] {
    return llama_token_to_piece(vocabulary, token, bytes.data(), static_cast<std::int32_t>(bytes.size()), 0,
                                special);
  };
  int count = piece_into();
  if (count < 0) {
    bytes.resize(static_cast<std::size_t>(-count));
    count = piece_into();
  }
  bytes.resize(static_cast<std::size_t>(std::max(count, 0)));
  return bytes;
}

std::string Model::detokenize(std::span<const Token> tokens) const {
  std::string text;
  for (Token token : tokens) text += piece(token);
  return text;
}

bool Model::is_end_of_generation(Token token) const {
  return token >= 0 && token < info_.vocabulary && llama_vocab_is_eog(llama_model_get_vocab(handle_), token);
}

base::Result<std::string> Model::apply_chat_template(std::span<const record::Message> messages) const {
  return templates_->render(messages);
}

bool Model::has_chat_template() const { return templates_->usable(); }

}  // namespace moestress::engine

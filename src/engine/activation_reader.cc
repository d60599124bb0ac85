#include "engine/activation_reader.h"

#include <fmt/format.h>
#include <ggml-backend.h>
#include <ggml.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "engine/decode_context.h"

namespace moestress::engine {

class ActivationReader::Context {
 public:
  explicit Context(std::vector<std::string> nodes) : nodes_(std::move(nodes)), seen_(nodes_.size()) {}

  base::Status open(std::shared_ptr<const Model> model, const ContextOptions& options,
                    const base::Logger& logger) {
    MOESTRESS_TRY(decode_, DecodeContext::create(std::move(model), options, options.batch_tokens, logger,
                                                 {&Context::observe, this}));
    return {};
  }

  base::Status read(std::span<const std::vector<Token>> texts, const OnLayer& on_layer);

 private:
  struct Place {
    std::size_t node = 0;
    int layer = -1;  ///< -1: none of those that are read
  };

  static bool observe(ggml_tensor* node, bool ask, void* user) {
    auto* self = static_cast<Context*>(user);
    const Place place = self->place_of(node->name);
    if (ask) return place.layer >= 0;
    if (place.layer >= 0) self->take(*node, place);
    return true;
  }

  Place place_of(std::string_view name) const {
    const std::size_t dash = name.rfind('-');
    if (dash == std::string_view::npos) return {};
    const auto found = std::find(nodes_.begin(), nodes_.end(), name.substr(0, dash));
    if (found == nodes_.end()) return {};
    Place place{static_cast<std::size_t>(found - nodes_.begin()), -1};
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + dash + 1, end, place.layer);
    return error == std::errc{} && rest == end ? place : Place{};
  }

  void take(const ggml_tensor& node, Place place) {
    if (node.type != GGML_TYPE_F32 || !ggml_is_contiguous(&node)) {
      problem_ = fmt::format("{} is no plain array of floats", node.name);
      return;
    }
    values_.resize(static_cast<std::size_t>(ggml_nelements(&node)));
    ggml_backend_tensor_get(&node, values_.data(), 0, values_.size() * sizeof(float));
    seen_[place.node] = true;
    (*on_layer_)(text_, place.node, place.layer, values_);
  }

  const std::vector<std::string> nodes_;
  std::unique_ptr<DecodeContext> decode_;
  const OnLayer* on_layer_ = nullptr;
  std::size_t text_ = 0;
  std::vector<bool> seen_;  ///< [nodes]
  std::string problem_;
  std::vector<float> values_;
};

base::Status ActivationReader::Context::read(std::span<const std::vector<Token>> texts,
                                             const OnLayer& on_layer) {
  on_layer_ = &on_layer;
  for (text_ = 0; text_ < texts.size(); ++text_) {
    const std::vector<Token>& tokens = texts[text_];
    if (tokens.size() > static_cast<std::size_t>(decode_->options().batch_tokens))
      return base::fail(base::ErrorCode::Limit, "Text {} has {} tokens, a batch {}.", text_, tokens.size(),
                        decode_->options().batch_tokens);
    if (tokens.empty()) continue;
    MOESTRESS_TRY_STATUS(decode_->decode_text(tokens, false));
    for (std::size_t node = 0; node < nodes_.size(); ++node)
      if (!seen_[node] && problem_.empty()) problem_ = fmt::format("its graph has no node {}", nodes_[node]);
    if (!problem_.empty())
      return base::fail(base::ErrorCode::Unsupported, "{}: {}", decode_->model().info().path, problem_);
  }
  return {};
}

ActivationReader::ActivationReader() = default;
ActivationReader::~ActivationReader() = default;

base::Result<std::unique_ptr<ActivationReader>> ActivationReader::create(std::shared_ptr<const Model> model,
                                                                         const ContextOptions& options,
                                                                         std::vector<std::string> nodes,
                                                                         const base::Logger& logger) {
  std::unique_ptr<ActivationReader> reader(new ActivationReader);
  reader->context_ = std::make_unique<Context>(std::move(nodes));
  MOESTRESS_TRY_STATUS(reader->context_->open(std::move(model), options, logger));
  return reader;
}

base::Status ActivationReader::read(std::span<const std::vector<Token>> texts, const OnLayer& on_layer) {
  return context_->read(texts, on_layer);
}

}  // namespace moestress::engine

#include "engine/moe_layer_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ggml-backend.h>
#include <ggml.h>

#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/decode_context.h"

namespace moestress::engine {

namespace {

/// A node's name without what a copy on another device, or of a view of it, adds: "CPU#ffn_norm-3
/// (reshaped)#0".
std::string original_name(std::string_view name) {
  const std::size_t begin = name.find('#'), end = name.rfind('#');
  if (begin != std::string_view::npos && end > begin) name = name.substr(begin + 1, end - begin - 1);
  return std::string(name.substr(0, name.find(" (")));
}

}  // namespace

class MoeLayerReader::Context {
 public:
  base::Status open(std::shared_ptr<const Model> model, const ContextOptions& options,
                    const base::Logger& logger);
  base::Result<record::MoeActivations> read(std::span<const Token> text,
                                            const record::MoeActivations* forced);

 private:
  struct Place {
    std::size_t layer_index = 0;
    bool output = false;
  };

  static bool observe(ggml_tensor* node, bool ask, void* user);
  void look_for_inputs(const ggml_tensor& node);
  void take(ggml_tensor& node, Place place);
  const std::string& path() const { return decode_->model().info().path; }

  std::unique_ptr<DecodeContext> decode_;
  /// By the node's name; empty while the inputs are looked for.
  std::map<std::string, Place, std::less<>> places_;
  std::map<std::string, std::set<std::string>> inputs_;  ///< by layer: what its router and experts multiply
  const record::MoeActivations* forced_ = nullptr;
  record::MoeActivations now_;
  std::size_t layer_size_ = 0;  ///< tokens × width
  std::size_t seen_ = 0;
  std::string problem_;
};

base::Status MoeLayerReader::Context::open(std::shared_ptr<const Model> model, const ContextOptions& options,
                                           const base::Logger& logger) {
  MOESTRESS_TRY(decode_, DecodeContext::create(std::move(model), options, options.batch_tokens, logger,
                                               {&Context::observe, this}));
  const Token any = 0;
  MOESTRESS_TRY_STATUS(decode_->decode_text({&any, 1}, true));
  const std::vector<int> layers = decode_->empty_trace().layers;
  std::map<std::string, Place, std::less<>> places;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::set<std::string>& inputs = inputs_[std::to_string(layers[i])];
    if (inputs.size() != 1)
      return base::fail(
          base::ErrorCode::Unsupported,
          "{}: the router and the experts of layer {} don't have one input in the engine's graph but {} ({})",
          path(), layers[i], inputs.size(), fmt::join(inputs, ", "));
    places[*inputs.begin()] = {i, false};
    places[fmt::format("ffn_moe_out-{}", layers[i])] = {i, true};
  }
  places_ = std::move(places);
  MOESTRESS_TRY(const auto shown, read({&any, 1}, nullptr));
  return {};
}

bool MoeLayerReader::Context::observe(ggml_tensor* node, bool ask, void* user) {
  auto* self = static_cast<Context*>(user);
  if (self->places_.empty()) {
    self->look_for_inputs(*node);
    return !ask;
  }
  const auto place = self->places_.find(std::string_view(node->name));
  if (place == self->places_.end()) return !ask;
  if (!ask) self->take(*node, place->second);
  return true;
}

/// The input's name differs between architectures; that router and experts multiply it does not.
void MoeLayerReader::Context::look_for_inputs(const ggml_tensor& node) {
  if (node.op != GGML_OP_MUL_MAT && node.op != GGML_OP_MUL_MAT_ID) return;
  const std::string_view name = node.name;
  const ggml_tensor* input = node.src[1];
  while (input->view_src != nullptr) input = input->view_src;
  for (const char* product : {"ffn_moe_logits", "ffn_moe_gate", "ffn_moe_up", "ffn_moe_gate_up"})
    if (name.starts_with(product) && name.substr(std::strlen(product)).starts_with("-"))
      inputs_[std::string(name.substr(std::strlen(product) + 1))].insert(original_name(input->name));
}

void MoeLayerReader::Context::take(ggml_tensor& node, Place place) {
  if (node.type != GGML_TYPE_F32 || !ggml_is_contiguous(&node) ||
      static_cast<std::size_t>(ggml_nelements(&node)) != layer_size_) {
    problem_ = fmt::format("{} is no plain array of {} floats", node.name, layer_size_);
    return;
  }
  ++seen_;
  const std::size_t at = place.layer_index * layer_size_, bytes = layer_size_ * sizeof(float);
  if (place.output)
    ggml_backend_tensor_get(&node, now_.outputs.data() + at, 0, bytes);
  else if (forced_ != nullptr)
    ggml_backend_tensor_set(&node, forced_->inputs.data() + at, 0, bytes);
  else
    ggml_backend_tensor_get(&node, now_.inputs.data() + at, 0, bytes);
}

base::Result<record::MoeActivations> MoeLayerReader::Context::read(std::span<const Token> text,
                                                                   const record::MoeActivations* forced) {
  const auto most = static_cast<std::size_t>(decode_->options().batch_tokens);
  if (text.empty() || text.size() > most)
    return base::fail(base::ErrorCode::Limit, "A text has {} tokens; a batch takes 1 to {}.", text.size(),
                      most);
  now_ = {};
  now_.routing = decode_->empty_trace();
  now_.width = static_cast<std::size_t>(decode_->model().info().embedding);
  layer_size_ = text.size() * now_.width;
  const std::size_t cells = now_.routing.layers.size() * layer_size_;
  if (forced != nullptr && (forced->routing.layers != now_.routing.layers ||
                            forced->tokens() != text.size() || forced->inputs.size() != cells))
    return base::fail(base::ErrorCode::Format,
                      "{}: the inputs that its layers are to get are those of a model of another shape",
                      path());
  if (forced == nullptr) now_.inputs.resize(cells);
  now_.outputs.resize(cells);
  forced_ = forced;
  seen_ = 0;
  problem_.clear();
  MOESTRESS_TRY_STATUS(decode_->decode_text(text, true));
  for (std::size_t i = 0; i < text.size(); ++i) decode_->append_routing(i, now_.routing);
  if (problem_.empty() && seen_ != 2 * now_.routing.layers.size())
    problem_ =
        fmt::format("{} of {} inputs and outputs of layers were seen", seen_, 2 * now_.routing.layers.size());
  if (!problem_.empty()) return base::fail(base::ErrorCode::Unsupported, "{}: {}", path(), problem_);
  return std::move(now_);
}

MoeLayerReader::MoeLayerReader() = default;
MoeLayerReader::~MoeLayerReader() = default;

base::Result<std::unique_ptr<MoeLayerReader>> MoeLayerReader::create(std::shared_ptr<const Model> model,
                                                                     ContextOptions options,
                                                                     const base::Logger& logger) {
  options.slots = 1;
  options.trace_routing = true;
  std::unique_ptr<MoeLayerReader> reader(new MoeLayerReader);
  reader->context_ = std::make_unique<Context>();
  MOESTRESS_TRY_STATUS(reader->context_->open(std::move(model), options, logger));
  return reader;
}

base::Result<record::MoeActivations> MoeLayerReader::read(std::span<const Token> text,
                                                          const record::MoeActivations* forced) {
  return context_->read(text, forced);
}

}  // namespace moestress::engine

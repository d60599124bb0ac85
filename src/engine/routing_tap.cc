#include "engine/routing_tap.h"

#include <fmt/format.h>
#include <ggml-backend.h>
#include <ggml.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace moestress::engine {
namespace {

constexpr std::string_view kIdsName = "ffn_moe_topk";
constexpr std::string_view kWeightsName = "ffn_moe_weights";
/// What architectures do to the plain weights before they multiply the experts' outputs with them.
constexpr ggml_op kChainOps[] = {GGML_OP_RESHAPE,  GGML_OP_VIEW,  GGML_OP_CONT, GGML_OP_SOFT_MAX,
                                 GGML_OP_SUM_ROWS, GGML_OP_CLAMP, GGML_OP_DIV,  GGML_OP_SCALE};

struct NodeName {
  std::string_view base;
  int layer = -1;
};

/// "ffn_moe_topk-3" apart. A name with anything after the number ("… (reshaped)") has no layer.
NodeName split_name(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return {name, -1};
  int layer = -1;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + dash + 1, end, layer);
  if (error != std::errc{} || rest != end) return {name, -1};
  return {name.substr(0, dash), layer};
}

/// Whether it is the engine's input of that name, or a copy of it on another device ("Vulkan0#inp_pos#0").
bool is_input(const ggml_tensor* tensor, const char* name) {
  return tensor && tensor->type == GGML_TYPE_I32 && std::strstr(tensor->name, name) != nullptr;
}

std::vector<std::int32_t> read_integers(const ggml_tensor* tensor) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(ggml_nelements(tensor)));
  ggml_backend_tensor_get(tensor, values.data(), 0, values.size() * sizeof(std::int32_t));
  return values;
}

}  // namespace

RoutingTap::RoutingTap(std::vector<int> layers, int experts, int k, std::size_t micro_batch_tokens)
    : layers_(std::move(layers)), experts_(experts), k_(k), micro_batch_tokens_(micro_batch_tokens) {
  CHECK(!layers_.empty() && experts_ > 0 && experts_ < record::RoutingTrace::kAbsent && k_ > 0 &&
        k_ <= experts_);
}

void RoutingTap::begin(std::span<const BatchEntry> entries) {
  active_ = true;
  problem_.clear();
  entries_ = entries;
  micro_batches_ = micro_batches(entries, micro_batch_tokens_);
  begun_ = 0;
  ids_ = weights_ = nullptr;
  chain_.clear();
  captured_ = false;
  const std::size_t cells = entries.size() * layers_.size() * static_cast<std::size_t>(k_);
  batch_ids_.assign(cells, record::RoutingTrace::kAbsent);
  batch_weights_.assign(cells, 0.0F);
}

std::string RoutingTap::finish() {
  active_ = false;
  if (problem_.empty() && begun_ != micro_batches_.size()) {
    fail(fmt::format(
        "{} micro-batches were seen where {} were to come, so routing can't be attributed to tokens", begun_,
        micro_batches_.size()));
  }
  const std::size_t row = layers_.size() * static_cast<std::size_t>(k_);
  for (std::size_t entry = 0; entry < entries_.size() && problem_.empty(); ++entry) {
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      const bool may_be_absent = layer + 1 == layers_.size() && !entries_[entry].output;
      const std::size_t cell = entry * row + layer * static_cast<std::size_t>(k_);
      if (batch_ids_[cell] == record::RoutingTrace::kAbsent && !may_be_absent) {
        fail(fmt::format("the engine's graph shows no routing in layer {}", layers_[layer]));
        break;
      }
    }
  }
  entries_ = {};
  return problem_;
}

record::RoutingTrace RoutingTap::empty_trace() const {
  record::RoutingTrace trace;
  trace.layers = layers_;
  trace.experts = experts_;
  trace.k = k_;
  return trace;
}

void RoutingTap::append(std::size_t index, record::RoutingTrace& trace) const {
  const std::size_t row = layers_.size() * static_cast<std::size_t>(k_);
  CHECK((index + 1) * row <= batch_ids_.size());
  const auto from = static_cast<std::ptrdiff_t>(index * row);
  const auto to = from + static_cast<std::ptrdiff_t>(row);
  trace.ids.insert(trace.ids.end(), batch_ids_.begin() + from, batch_ids_.begin() + to);
  trace.weights.insert(trace.weights.end(), batch_weights_.begin() + from, batch_weights_.begin() + to);
  ++trace.tokens;
}

bool RoutingTap::observe(ggml_tensor* node, bool ask, void* user) {
  auto* tap = static_cast<RoutingTap*>(user);
  if (!tap->active_ || !tap->problem_.empty()) return !ask;
  if (ask) return tap->asked(node);
  tap->capture();
  return true;
}

/// Before a node is evaluated: whether to stop after it.
bool RoutingTap::asked(const ggml_tensor* node) {
  check_inputs(node);
  const NodeName name = split_name(node->name);
  if (name.layer >= 0 && name.base == kIdsName) {
    layer_ = name.layer;
    ids_ = node;
    weights_ = nullptr;
    chain_.clear();
    captured_ = false;
    return false;
  }
  const bool first = ids_ && !weights_ && name.layer == layer_ && name.base == kWeightsName;
  if (!first && !extends_chain(node)) return ids_ && weights_ && !captured_ && problem_.empty();
  if (captured_) {
    fail(fmt::format("this device makes the weights of layer {} after it used their ids: they can't be read",
                     layer_));
    return false;
  }
  chain_.push_back(node);
  // The sum that they are divided by is in the chain as well, but has fewer elements.
  if (first || ggml_nelements(node) == ggml_nelements(chain_.front())) weights_ = node;
  return false;
}

bool RoutingTap::extends_chain(const ggml_tensor* node) const {
  const bool makes_weights =
      std::find(std::begin(kChainOps), std::end(kChainOps), node->op) != std::end(kChainOps);
  return makes_weights && std::find(chain_.begin(), chain_.end(), node->src[0]) != chain_.end();
}

/// Inputs are set before the first node runs, so they can be read while it is asked for.
void RoutingTap::check_inputs(const ggml_tensor* node) {
  const ggml_tensor* input = node->src[1];
  if (node->op == GGML_OP_GET_ROWS && is_input(input, "inp_tokens")) {
    ids_ = weights_ = nullptr;
    chain_.clear();
    positions_checked_ = false;
    if (begun_ == micro_batches_.size()) {
      fail("the engine made more micro-batches of a batch than were to come");
    } else {
      ++begun_;
      if (!matches(read_integers(input), &BatchEntry::token)) {
        fail("the engine evaluated the tokens of a batch in another order than it should");
      }
    }
  } else if (node->op == GGML_OP_ROPE && begun_ > 0 && !positions_checked_ && is_input(input, "inp_pos")) {
    positions_checked_ = true;
    if (!matches(read_integers(input), &BatchEntry::position)) {
      fail("the engine evaluated the positions of a batch in another order than it should");
    }
  }
}

/// Whether the engine's input is that of the micro-batch under evaluation. Models with several axes of
/// positions repeat the first for text: it is enough to compare that.
bool RoutingTap::matches(const std::vector<std::int32_t>& values, int BatchEntry::*member) const {
  const std::vector<std::size_t>& columns = micro_batches_[begun_ - 1];
  const bool right_size = member == &BatchEntry::token
                              ? values.size() == columns.size()
                              : values.size() % columns.size() == 0 && !values.empty();
  return right_size &&
         std::equal(columns.begin(), columns.end(), values.begin(),
                    [&](std::size_t entry, std::int32_t value) { return entries_[entry].*member == value; });
}

void RoutingTap::capture() {
  CHECK(ids_ != nullptr && weights_ != nullptr && !captured_);
  captured_ = true;
  const ggml_tensor* ids = ids_;
  const ggml_tensor* weights = weights_;
  const auto found = std::lower_bound(layers_.begin(), layers_.end(), layer_);
  if (found == layers_.end() || *found != layer_) return;  // a further layer that only predicts ahead

  const auto columns = static_cast<std::size_t>(ids->ne[1]);
  const auto k = static_cast<std::size_t>(k_);
  if (ids->type != GGML_TYPE_I32 || ids->ne[0] != k_ || ids->nb[0] != sizeof(std::int32_t) ||
      ids->nb[1] % sizeof(std::int32_t) != 0 || weights->type != GGML_TYPE_F32 ||
      !ggml_is_contiguous(weights) || static_cast<std::size_t>(ggml_nelements(weights)) != columns * k) {
    fail(fmt::format("the router of layer {} has a form that moestress does not know", layer_));
    return;
  }
  if (columns == 0) return;
  if (begun_ == 0) {
    fail("the engine's graph shows no token inputs, so routing can't be attributed to tokens");
    return;
  }
  // The ids are the first k of each row of a sorted [experts × columns] tensor: rows lie a whole row apart.
  const std::size_t stride = ids->nb[1] / sizeof(std::int32_t);
  raw_ids_.resize((columns - 1) * stride + k);
  raw_weights_.resize(columns * k);
  ggml_backend_tensor_get(ids, raw_ids_.data(), 0, raw_ids_.size() * sizeof(std::int32_t));
  ggml_backend_tensor_get(weights, raw_weights_.data(), 0, raw_weights_.size() * sizeof(float));
  for (std::size_t column = 1; column < columns; ++column) {
    std::copy_n(raw_ids_.begin() + static_cast<std::ptrdiff_t>(column * stride), k,
                raw_ids_.begin() + static_cast<std::ptrdiff_t>(column * k));
  }
  scatter(static_cast<std::size_t>(found - layers_.begin()), columns);
}

/// Columns are the tokens of the micro-batch in its order, or those of them with output.
void RoutingTap::scatter(std::size_t layer_index, std::size_t columns) {
  const std::vector<std::size_t>& tokens = micro_batches_[begun_ - 1];
  const auto outputs = static_cast<std::size_t>(
      std::count_if(tokens.begin(), tokens.end(), [&](std::size_t entry) { return entries_[entry].output; }));
  const bool all = columns == tokens.size();
  if (!all && columns != outputs) {
    fail(fmt::format("layer {} routed {} tokens of a micro-batch of {}, {} of them with output",
                     layers_[layer_index], columns, tokens.size(), outputs));
    return;
  }
  const auto k = static_cast<std::size_t>(k_);
  std::size_t column = 0;
  for (std::size_t entry : tokens) {
    if (!all && !entries_[entry].output) continue;
    const std::size_t cell = (entry * layers_.size() + layer_index) * k;
    for (std::size_t i = 0; i < k; ++i) {
      const std::int32_t id = raw_ids_[column * k + i];
      if (id < 0 || id >= experts_) {
        fail(fmt::format("layer {} chose expert {} of {}", layers_[layer_index], id, experts_));
        return;
      }
      batch_ids_[cell + i] = static_cast<std::uint16_t>(id);
      batch_weights_[cell + i] = raw_weights_[column * k + i];
    }
    ++column;
  }
}

void RoutingTap::fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

}  // namespace moestress::engine

#include "record/moe_activations.h"

#include "base/check.h"
#include "record/routing_agreement.h"

namespace moestress::record {
namespace {

/// Rows first to first + count of each layer; nothing of an empty `values`.
std::vector<float> rows_of(const MoeActivations& activations, const std::vector<float>& values,
                           std::size_t first, std::size_t count) {
  std::vector<float> rows;
  if (values.empty()) return rows;
  rows.reserve(activations.routing.layers.size() * count * activations.width);
  for (std::size_t layer = 0; layer < activations.routing.layers.size(); ++layer) {
    const float* begin = values.data() + (layer * activations.tokens() + first) * activations.width;
    rows.insert(rows.end(), begin, begin + count * activations.width);
  }
  return rows;
}

}  // namespace

MoeActivations slice(const MoeActivations& activations, std::size_t first, std::size_t count) {
  CHECK(first + count <= activations.tokens());
  const RoutingTrace& routing = activations.routing;
  const std::size_t row = routing.layers.size() * static_cast<std::size_t>(routing.k);
  const auto part = [&](const auto& values) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first * row);
    return std::decay_t<decltype(values)>(begin, begin + static_cast<std::ptrdiff_t>(count * row));
  };
  return {{routing.layers, routing.experts, routing.k, count, part(routing.ids), part(routing.weights)},
          activations.width,
          rows_of(activations, activations.inputs, first, count),
          rows_of(activations, activations.outputs, first, count)};
}

MoeActivations join_inputs(std::span<const MoeActivations> texts) {
  CHECK(!texts.empty());
  MoeActivations joined;
  joined.routing.layers = texts.front().routing.layers;
  joined.routing.experts = texts.front().routing.experts;
  joined.routing.k = texts.front().routing.k;
  joined.width = texts.front().width;
  for (const MoeActivations& text : texts) {
    CHECK(same_topology(text.routing, joined.routing) && text.width == joined.width &&
          text.inputs.size() == text.size());
    joined.routing.tokens += text.tokens();
  }
  joined.inputs.reserve(joined.size());
  for (std::size_t layer = 0; layer < joined.routing.layers.size(); ++layer)
    for (const MoeActivations& text : texts) {
      const float* begin = text.inputs.data() + layer * text.layer_size();
      joined.inputs.insert(joined.inputs.end(), begin, begin + text.layer_size());
    }
  return joined;
}

}  // namespace moestress::record

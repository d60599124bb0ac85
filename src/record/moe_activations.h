#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "record/routing.h"

namespace moestress::record {

/// What the layers with experts took in and gave out for a text, or for its beginning. Inputs and outputs are
/// [layers × tokens × width], row-major in that order; layers are those of `routing`.
struct MoeActivations {
  RoutingTrace routing;  ///< what the routers chose, given these inputs
  std::size_t width = 0;
  /// Of the router and the experts: the normalised hidden state. Empty where the inputs were another file's.
  std::vector<float> inputs;
  std::vector<float> outputs;  ///< the chosen experts' weighted sum, without shared experts

  std::size_t tokens() const { return routing.tokens; }
  std::size_t layer_size() const { return tokens() * width; }
  std::size_t size() const { return routing.layers.size() * layer_size(); }
  std::span<const float> output(std::size_t token, std::size_t layer_index) const {
    return std::span(outputs).subspan((layer_index * tokens() + token) * width, width);
  }
};

/// Of `count` tokens from `first` on; both within (checked).
MoeActivations slice(const MoeActivations& activations, std::size_t first, std::size_t count);

/// The inputs of several texts of one model as those of a single one, without routing or outputs: `routing`
/// has but the topology and the number of tokens. All have inputs, and there is one at least (checked).
MoeActivations join_inputs(std::span<const MoeActivations> texts);

}  // namespace moestress::record

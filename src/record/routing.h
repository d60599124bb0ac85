#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"

namespace moestress::record {

/// Which experts a text's tokens were sent to. Dense [tokens × layers × k], row-major in that order.
struct RoutingTrace {
  /// An entry that the engine did not compute (the last layer of a token without logits).
  static constexpr std::uint16_t kAbsent = 0xFFFF;

  std::vector<int> layers;  ///< model layer numbers of the MoE layers, ascending
  int experts = 0;          ///< routed experts per layer, E
  int k = 0;                ///< experts chosen per token
  std::size_t tokens = 0;
  std::vector<std::uint16_t> ids;  ///< expert ids, in the router's order of preference
  std::vector<float> weights;      ///< as applied to the experts' outputs; parallel to ids

  std::size_t offset(std::size_t token, std::size_t layer_index) const {
    CHECK(token < tokens && layer_index < layers.size());
    return (token * layers.size() + layer_index) * static_cast<std::size_t>(k);
  }
  std::span<const std::uint16_t> chosen(std::size_t token, std::size_t layer_index) const {
    return {ids.data() + offset(token, layer_index), static_cast<std::size_t>(k)};
  }
  std::span<const float> chosen_weights(std::size_t token, std::size_t layer_index) const {
    return {weights.data() + offset(token, layer_index), static_cast<std::size_t>(k)};
  }
  bool present(std::size_t token, std::size_t layer_index) const {
    return ids[offset(token, layer_index)] != kAbsent;
  }
};

}  // namespace moestress::record

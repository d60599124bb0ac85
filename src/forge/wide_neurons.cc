#include "forge/wide_neurons.h"

#include <algorithm>
#include <numeric>

namespace moestress::forge {
namespace {

/// Takes gates up to eight times the limit; a power of two leaves quantised rows exact.
constexpr float kLinearScale = 0.125F;
/// Mean excess below which a neuron is not worth another: one in 200 tokens beyond the limit by 1.
constexpr float kExcessMin = 5e-3F;

}  // namespace

void GateStatistics::add(std::span<const float> gates, std::size_t neurons) {
  least.resize(neurons);
  largest.resize(neurons);
  excess.resize(neurons);
  for (std::size_t i = 0; i < gates.size(); ++i) {
    const std::size_t neuron = i % neurons;
    least[neuron] = std::min(least[neuron], gates[i]);
    largest[neuron] = std::max(largest[neuron], gates[i]);
    excess[neuron] += std::max(0.0F, gates[i] - kGateLimit);
  }
}

void GateStatistics::finish(std::size_t tokens) {
  for (float& sum : excess) sum /= static_cast<float>(tokens);
}

WideNeurons wide_neurons(const GateStatistics& gates) {
  std::vector<std::size_t> order(gates.excess.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return gates.excess[a] > gates.excess[b]; });
  WideNeurons wide;
  for (const std::size_t neuron : order) {
    if (gates.excess[neuron] < kExcessMin || wide.extra.size() + 2 > kExtraNeurons) break;
    if (gates.least[neuron] > -kGateLimit) {
      wide.negated.push_back(neuron);
      wide.extra.push_back({neuron, kLinearScale, 0, 1 / kLinearScale});
      wide.extra.push_back({neuron, -kLinearScale, 0, -1 / kLinearScale});
    } else {
      const float knee = gates.largest[neuron] / 2;
      const float factor = kGateLimit / (gates.largest[neuron] - knee);
      wide.extra.push_back(
          {neuron, factor, -factor * knee, (gates.largest[neuron] - kGateLimit) / kGateLimit});
    }
  }
  return wide;
}

}  // namespace moestress::forge

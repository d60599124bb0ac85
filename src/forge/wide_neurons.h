#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace moestress::forge {

/// gpt-oss lets no gate pass 7 of its own units, which are kSwish of the base's.
inline constexpr float kSwish = 1.702F;
inline constexpr float kGateLimit = 7 * kSwish;

/// What the gates of one layer's feed-forward were seen to be, one value for each neuron.
struct GateStatistics {
  std::vector<float> least, largest;  ///< 0 where none was below, or above
  std::vector<float> excess;          ///< mean of max(0, g − kGateLimit)

  /// Adds gates [tokens × neurons]; `excess` is a sum until `finish` divides it by all tokens.
  void add(std::span<const float> gates, std::size_t neurons);
  void finish(std::size_t tokens);
};

/// Neurons beside the base's own that a layer may have; one block of a quantised row.
inline constexpr std::size_t kExtraNeurons = 32;

/// A neuron that takes over a part of another: its gate is factor · g + bias of that one's g, its share of
/// the output that one's times `output`.
struct ExtraNeuron {
  std::size_t of = 0;
  float gate_factor = 0;
  float gate_bias = 0;  ///< in the base's units
  float output = 0;
};

struct WideNeurons {
  std::vector<std::size_t> negated;  ///< neurons whose gate changes its sign
  std::vector<ExtraNeuron> extra;    ///< at most kExtraNeurons
};

/// How gpt-oss can compute SiLU(g) of gates beyond its limit, for those neurons of a layer that lose most by
/// it: SiLU(g) = g + SiLU(−g), and g = (SiLU(t g) − SiLU(−t g)) / t for any t, so that three neurons within
/// the limit are one beyond it. Where −g passes the limit too, one neuron that wakes half-way to the largest
/// gate adds what is missing there; such gates belong to the first token of a text and little lies between.
WideNeurons wide_neurons(const GateStatistics& gates);

}  // namespace moestress::forge

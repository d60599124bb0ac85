#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "record/routing.h"
#include "record/routing_agreement.h"

namespace moestress::experts {

using record::routing_agreement;
using record::RoutingAgreement;

/// How two sets of prompts differ in one layer; p_e and q_e the two sets' expert shares.
struct LayerComparison {
  int layer = 0;
  double jsd_bits = 0;  ///< Jensen-Shannon divergence, 0..1 bit: H((p+q)/2) − (H(p)+H(q))/2
  double jsd_bias_bits =
      0;              ///< what equal distributions show by sampling: about (E−1)/(8 ln 2)·(1/n_a + 1/n_b)
  double cosine = 0;  ///< Σpq/√(Σp² Σq²); 0 where a side is empty
  double cramers_v = 0;  ///< √(χ²/n) of the 2 × E table of choices, 0..1; experts that neither chose left out
  double p = 1;          ///< of jsd_bits, permuting whole prompts
};

struct SetComparison {
  std::vector<LayerComparison> layers;
  double jsd_mean_bits = 0;  ///< over layers
  double p = 1;          ///< of the mean over layers, permuting whole prompts: (count + 1)/(permutations + 1)
  int permutations = 0;  ///< done; 0 where a set is empty
};

/// Compares the routing of two sets of prompts, one trace a prompt, all of one topology. Tokens of a prompt
/// are not independent, so significance comes from dealing whole prompts to the two sets anew (sizes kept).
/// With few prompts the smallest p that can come out is 1 over the number of ways to split them.
/// `permutations` is cut to 100,000.
SetComparison compare_sets(std::span<const record::RoutingTrace> a, std::span<const record::RoutingTrace> b,
                           int permutations, std::uint64_t seed);

/// [0, n) dealt into two halves at random (the first holds the odd one), each ascending: the control, where a
/// set is compared with itself and must come out as not different.
std::pair<std::vector<std::size_t>, std::vector<std::size_t>> split_halves(std::size_t n, std::uint64_t seed);

/// The control's comparison: traces split by split_halves.
SetComparison compare_halves(std::span<const record::RoutingTrace> traces, int permutations,
                             std::uint64_t seed);

}  // namespace moestress::experts

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "record/routing.h"

namespace moestress::experts {

struct Domain {
  std::string name;
  std::span<const record::RoutingTrace> traces;
};

/// Domain specialisation N_{e,D}/N_D of one layer: the share of domain D's tokens that go to expert e; by
/// chance k/E (OLMoE, arXiv 2409.02060).
struct LayerSpecialisation {
  int layer = 0;
  double chance = 0;                       ///< k/E
  std::vector<std::vector<double>> share;  ///< [domains][E]; 0 for a domain without tokens
  std::vector<int>
      specialists;  ///< [domains] the expert with the largest lead over its other domains; -1: none
  /// Mean over experts of largest minus smallest share among domains, over k/E: 0 where the domain makes no
  /// difference.
  double spread = 0;
};
std::vector<LayerSpecialisation> domain_specialisation(std::span<const Domain> domains);

/// Vocabulary specialisation N_{e,x}/N_x of one layer: for each expert, the mean over the token ids it was
/// chosen for, weighted by how often, of the share of that id's occurrences that went to it; by chance k/E.
/// `tokens[i]` are the ids of traces[i]; an id seen once says nothing and is left out. Returns [E].
std::vector<double> vocabulary_specialisation(std::span<const record::RoutingTrace> traces,
                                              std::span<const std::vector<std::int32_t>> tokens,
                                              std::size_t layer_index);

/// Co-activation N_ij/N_i of one layer: of the tokens that chose i, the share that chose j too. [E × E],
/// row-major; the diagonal is 1 where i was chosen at all.
std::vector<double> co_activation(std::span<const record::RoutingTrace> traces, std::size_t layer_index);

/// Whether a mixed prompt's routing lies between its parts'.
struct Mixture {
  double weight_a =
      0;  ///< least-squares share of a in m ≈ w·a + (1 − w)·b, over all layers, not cut to [0, 1]
  double off_line =
      0;  ///< |m − mix|/|a − b|, Euclidean: 0 exactly between, 1 as far off as the parts are apart
  double jsd_a_bits = 0;  ///< mean over layers, mixed against a
  double jsd_b_bits = 0;
  double jsd_ab_bits = 0;
  bool between = false;  ///< nearer to both than they are to each other, and 0 ≤ weight_a ≤ 1
};
Mixture mixture(std::span<const record::RoutingTrace> mixed, std::span<const record::RoutingTrace> a,
                std::span<const record::RoutingTrace> b);

}  // namespace moestress::experts

#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "record/routing.h"

namespace moestress::record {

/// Whether a trace is well formed: sizes agree, 1 ≤ k ≤ E < 65535, layers ascending, each entry either k
/// different ids below E or wholly absent, weights none or as many as ids. Errors: Format.
base::Status check_trace(const RoutingTrace& trace);

/// Whether both have the same layers, E and k, so that they can be of the same model.
bool same_topology(const RoutingTrace& a, const RoutingTrace& b);

/// How far two traces of the same text chose the same experts.
struct LayerAgreement {
  int layer = 0;            ///< model layer number
  double agreement = 0;     ///< mean |S ∩ S'|/k over tokens; by chance k/E
  std::int64_t tokens = 0;  ///< with an entry in both
  std::int64_t first = -1;  ///< first token whose sets differ; -1: none
};
struct RoutingAgreement {
  std::vector<LayerAgreement> layers;
  double mean = 0;                ///< over layers that have tokens; 0 where none has
  std::int64_t first_token = -1;  ///< earliest token where any layer parts; -1: they never part
  int first_layer = -1;  ///< the lowest model layer that parts at that token: where the difference began
};

/// Saturation measure |S ∩ S'|/k (OLMoE, arXiv 2409.02060) used between two placements. Both are well formed
/// and of one topology (checked); tokens beyond the shorter are left out, and entries absent in either.
RoutingAgreement routing_agreement(const RoutingTrace& a, const RoutingTrace& b);

}  // namespace moestress::record

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "record/routing.h"

namespace moestress::experts {

/// How often each expert of one layer was chosen.
struct ExpertCounts {
  std::vector<double> chosen;  ///< [E] n_e; whole numbers
  std::int64_t tokens = 0;     ///< with an entry

  void add(const record::RoutingTrace& trace, std::size_t layer_index);
  double total() const;
  /// [E] p_e = n_e/Σn; all 0 where nothing was chosen.
  std::vector<double> shares() const;
};

ExpertCounts count_experts(std::span<const record::RoutingTrace> traces, std::size_t layer_index);

/// −Σ p ln p in nats; terms with p = 0 are 0.
double entropy_nats(std::span<const double> shares);

/// Jensen-Shannon divergence in bits of two distributions of one length; 0 where either is all 0.
double jensen_shannon_bits(std::span<const double> p, std::span<const double> q);

}  // namespace moestress::experts

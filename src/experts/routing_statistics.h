#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "record/routing.h"

namespace moestress::experts {

/// Whether a trace is well formed and has the topology of the others: sizes agree, k ≤ E, ids below E or
/// absent. Errors: Format. The other functions of this module take traces for which it holds.
base::Status check_traces(std::span<const record::RoutingTrace> traces);

/// How one layer's experts were used. n_e = times expert e was chosen, p_e = n_e/Σn, E experts, k per token.
/// Pure numbers; sources in METRICS (OLMoE, arXiv 2409.02060).
struct LayerStatistics {
  int layer = 0;              ///< model layer number
  std::int64_t tokens = 0;    ///< with an entry in this layer, T. Where 0, every figure below is 0 but `dead`
  std::vector<double> share;  ///< [E] p_e
  double coverage = 0;        ///< share of experts with n_e > 0
  double coverage_by_chance = 0;  ///< 1 − (1 − k/E)^T, of uniform routing
  double entropy_normalised = 0;  ///< −Σ p ln p / ln E; 1 where E is 1
  double effective_experts = 0;   ///< exp(−Σ p ln p), in experts
  double gini = 0;  ///< Σ (2i − E − 1) p_(i) / E, p ascending, i from 1: 0 uniform, 1 − 1/E one expert
  double cv = 0;    ///< standard deviation (over E) over mean of n_e
  double jain = 0;  ///< 1/(E Σ p²)
  double share_min = 0;
  double share_max = 0;
  /// E Σ f_e P_e (Switch, arXiv 2101.03961), f_e = p_e, P_e the mean of the applied weights, normalised to
  /// sum 1 over experts (a trace holds no others): 1 uniform. Absent where the traces hold no weights.
  std::optional<double> balance_loss;
  std::vector<int> dead;  ///< experts never chosen
  std::vector<int> hot;   ///< experts chosen more than twice as often as the mean: p_e > 2/E
};

/// One for each layer, all traces together. Absent entries are left out.
std::vector<LayerStatistics> layer_statistics(std::span<const record::RoutingTrace> traces);

/// What C7 rests on: coverage, and beside it what coverage alone hides.
struct Coverage {
  std::int64_t tokens = 0;          ///< of the layer with fewest
  double mean = 0;                  ///< over layers, share of experts used
  double min = 0;                   ///< of the least covered layer
  int min_layer = -1;               ///< its model layer number
  double by_chance = 0;             ///< what uniform routing would give in that many tokens
  double effective_share_mean = 0;  ///< effective experts / E, mean over layers
  double effective_share_min = 0;
  double least_used_share = 0;       ///< smallest p_e of any layer …
  double least_used_of_uniform = 0;  ///< … as a share of 1/E
  int tokens_to_threshold = 0;  ///< tokens after which uniform routing passes 70 % coverage: 10 for 4 of 32
};
Coverage coverage(std::span<const LayerStatistics> layers, int k, double threshold = 0.7);

}  // namespace moestress::experts

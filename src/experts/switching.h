#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "record/routing.h"

namespace moestress::experts {

/// Overlap O_τ = mean |S_t ∩ S_{t−τ}|/k of tokens τ apart in the same text, in one layer; by chance k/E.
/// Pairs with an absent entry are left out. 0 where there are no pairs or lag < 1.
double consecutive_overlap(std::span<const record::RoutingTrace> traces, std::size_t layer_index,
                           int lag = 1);

/// 1 − O_1: the share of experts that change from one token to the next. 0 where there are no pairs.
double switch_rate(std::span<const record::RoutingTrace> traces, std::size_t layer_index);

/// Share of token pairs whose first choice is the same as the token before's; by chance 1/E (Mixtral,
/// arXiv 2401.04088, table 5: 24–28 % in the middle layers).
double first_choice_repeats(std::span<const record::RoutingTrace> traces, std::size_t layer_index);

/// [tokens] for each token, experts over all layers that its predecessor did not use; 0 for the first. An
/// entry that is absent in either is left out. The x of "token time against experts that changed".
std::vector<int> experts_changed(const record::RoutingTrace& trace);

/// Distinct experts that a batch of tokens (one from each trace, all with the same topology) needs, summed
/// over layers: tokens[i] of traces[i]. The x of "token time against distinct experts in the batch".
int distinct_experts(std::span<const record::RoutingTrace* const> traces,
                     std::span<const std::size_t> tokens);

}  // namespace moestress::experts

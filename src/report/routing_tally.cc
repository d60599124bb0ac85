#include "report/routing_tally.h"

#include <algorithm>
#include <numeric>

namespace moestress::report {

void RoutingTally::add(const std::string& model, const std::string& set, const record::RoutingTrace& trace) {
  if (trace.k <= 0) return;
  const auto [at, is_new] = index_.try_emplace({model, set}, sets_.size());
  if (is_new) sets_.push_back({.model = model, .name = set, .tokens = 0, .chosen = {}});
  Set& tally = sets_[at->second];
  tally.tokens += static_cast<std::int64_t>(trace.tokens);
  for (std::size_t layer = 0; layer < trace.layers.size(); ++layer) {
    auto& chosen = tally.chosen[trace.layers[layer]];
    chosen.resize(std::max(chosen.size(), static_cast<std::size_t>(std::max(trace.experts, 0))));
    for (std::size_t token = 0; token < trace.tokens; ++token) {
      if (!trace.present(token, layer)) continue;
      for (const std::uint16_t expert : trace.chosen(token, layer))
        if (expert < chosen.size()) ++chosen[expert];
    }
  }
}

std::vector<RoutingShares> RoutingTally::shares() const {
  std::vector<RoutingShares> out;
  for (const Set& set : sets_) {
    RoutingShares shares{
        .model = set.model, .set = set.name, .tokens = set.tokens, .layers = {}, .share = {}};
    for (const auto& [layer, chosen] : set.chosen) {
      const auto total = static_cast<double>(std::accumulate(chosen.begin(), chosen.end(), std::int64_t{0}));
      if (total == 0) continue;
      shares.layers.push_back(layer);
      auto& row = shares.share.emplace_back();
      for (const std::int64_t count : chosen) row.push_back(static_cast<double>(count) / total);
    }
    if (!shares.layers.empty()) out.push_back(std::move(shares));
  }
  return out;
}

}  // namespace moestress::report

#include "protocol/routing_locality.h"

#include <array>
#include <vector>

#include "experts/cache.h"
#include "experts/switching.h"

namespace moestress::protocol {
namespace {

constexpr std::array kLags{1, 2, 4, 8, 16};

void note_overlap(std::span<const record::RoutingTrace> traces, ResultBuilder& result) {
  const auto& first = traces.front();
  const double chance = first.k / static_cast<double>(first.experts);
  std::int64_t tokens = 0;
  for (const auto& trace : traces) tokens += static_cast<std::int64_t>(trace.tokens);
  record::Table table{"Experts in common with the token before, by distance (mean over layers)",
                      {"distance", "overlap", "by chance"},
                      {},
                      {},
                      "line"};
  for (const int lag : kLags) {
    double sum = 0;
    for (std::size_t layer = 0; layer < first.layers.size(); ++layer)
      sum += experts::consecutive_overlap(traces, layer, lag);
    const double overlap = sum / static_cast<double>(first.layers.size());
    table.rows.push_back({static_cast<double>(lag), overlap, chance});
    if (lag == 1) result.metric("expert_overlap", overlap, "", tokens);
  }
  result.metric("expert_overlap_by_chance", chance, "", tokens);
  result.table(std::move(table));
}

}  // namespace

void note_locality(std::span<const record::RoutingTrace> traces, std::uint64_t seed, ResultBuilder& result) {
  if (traces.empty() || traces.front().layers.empty()) return;
  note_overlap(traces, result);
  const auto curves = experts::cache_curves(traces, seed);
  const auto mean = [&](std::vector<double> experts::CacheCurve::*policy, std::size_t size) {
    double sum = 0;
    for (const auto& curve : curves) sum += (curve.*policy)[size];
    return sum / static_cast<double>(curves.size());
  };
  using experts::CacheCurve;
  record::Table table{"Expert cache: hit rate by experts held in each layer (mean over layers)",
                      {"experts held", "LRU", "LRU, tokens in random order", "LFU", "Belady", "most used"},
                      {},
                      {},
                      "line"};
  const auto experts = static_cast<std::size_t>(traces.front().experts);
  for (std::size_t size = 1; size <= experts; ++size)
    table.rows.push_back({static_cast<double>(size), mean(&CacheCurve::lru, size),
                          mean(&CacheCurve::lru_shuffled, size), mean(&CacheCurve::lfu, size),
                          mean(&CacheCurve::belady, size), mean(&CacheCurve::fixed, size)});
  const std::size_t half = (experts + 1) / 2;
  const std::int64_t lookups = curves.front().lookups;
  result.metric("expert_cache_hit_rate_lru", mean(&CacheCurve::lru, half), "", lookups);
  result.metric("expert_cache_hit_rate_lru_shuffled", mean(&CacheCurve::lru_shuffled, half), "", lookups);
  result.metric("expert_cache_hit_rate_belady", mean(&CacheCurve::belady, half), "", lookups);
  result.metric("expert_cache_experts_held", static_cast<double>(half), "", lookups);
  result.table(std::move(table));
}

}  // namespace moestress::protocol

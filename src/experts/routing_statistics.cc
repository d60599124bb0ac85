#include "experts/routing_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experts/expert_counts.h"
#include "record/routing_agreement.h"
#include "stats/fairness.h"

namespace moestress::experts {
namespace {

constexpr double kHotFactor = 2;

double gini(std::vector<double> shares) {
  std::sort(shares.begin(), shares.end());
  const auto experts = static_cast<double>(shares.size());
  double sum = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    sum += (2 * static_cast<double>(i + 1) - experts - 1) * shares[i];
  }
  return sum / experts;
}

double coefficient_of_variation(const std::vector<double>& shares) {
  const double mean = 1 / static_cast<double>(shares.size());
  double squares = 0;
  for (double share : shares) squares += (share - mean) * (share - mean);
  return std::sqrt(squares * mean) / mean;
}

std::optional<double> balance_loss(std::span<const record::RoutingTrace> traces, std::size_t layer_index,
                                   const std::vector<double>& shares) {
  std::vector<double> weight(shares.size(), 0.0);
  double total = 0;
  for (const record::RoutingTrace& trace : traces) {
    if (trace.weights.size() != trace.ids.size()) return std::nullopt;
    for (std::size_t token = 0; token < trace.tokens; ++token) {
      if (!trace.present(token, layer_index)) continue;
      const auto ids = trace.chosen(token, layer_index);
      const auto weights = trace.chosen_weights(token, layer_index);
      double sum = 0;
      for (float w : weights) sum += w;
      if (!(sum > 0)) continue;  // a router that scales all to 0 says nothing of its preferences
      for (std::size_t i = 0; i < ids.size(); ++i) weight[ids[i]] += weights[i] / sum;
      total += 1;
    }
  }
  if (total == 0) return std::nullopt;
  double loss = 0;
  for (std::size_t e = 0; e < shares.size(); ++e) loss += shares[e] * weight[e] / total;
  return static_cast<double>(shares.size()) * loss;
}

double chance_of_use(int k, double experts, std::int64_t tokens) {
  return 1 - std::pow(1 - static_cast<double>(k) / experts, static_cast<double>(tokens));
}

LayerStatistics statistics_of(std::span<const record::RoutingTrace> traces, std::size_t layer_index) {
  const record::RoutingTrace& first = traces.front();
  const ExpertCounts counts = count_experts(traces, layer_index);
  LayerStatistics layer;
  layer.layer = first.layers[layer_index];
  layer.tokens = counts.tokens;
  layer.share = counts.shares();
  const auto experts = static_cast<double>(layer.share.size());
  for (std::size_t e = 0; e < layer.share.size(); ++e) {
    if (layer.share[e] == 0) layer.dead.push_back(static_cast<int>(e));
    // Counts are whole numbers, so that "more than twice" is exact; shares are rounded.
    if (counts.chosen[e] * experts > kHotFactor * counts.total()) layer.hot.push_back(static_cast<int>(e));
  }
  if (counts.tokens == 0) return layer;
  layer.coverage = 1 - static_cast<double>(layer.dead.size()) / experts;
  layer.coverage_by_chance = chance_of_use(first.k, experts, counts.tokens);
  const double entropy = entropy_nats(layer.share);
  layer.entropy_normalised = layer.share.size() > 1 ? entropy / std::log(experts) : 1;
  layer.effective_experts = std::exp(entropy);
  layer.gini = gini(layer.share);
  layer.cv = coefficient_of_variation(layer.share);
  layer.jain = stats::jain(layer.share);
  const auto [least, most] = std::minmax_element(layer.share.begin(), layer.share.end());
  layer.share_min = *least;
  layer.share_max = *most;
  layer.balance_loss = balance_loss(traces, layer_index, layer.share);
  return layer;
}

int tokens_until(int k, double experts, double threshold) {
  const double kept = 1 - static_cast<double>(k) / experts;
  if (kept <= 0) return 1;
  if (!(threshold < 1) || kept >= 1) return std::numeric_limits<int>::max();
  int tokens = std::max(0, static_cast<int>(std::log(1 - threshold) / std::log(kept)));
  while (chance_of_use(k, experts, tokens) <= threshold) ++tokens;
  return tokens;
}

}  // namespace

base::Status check_traces(std::span<const record::RoutingTrace> traces) {
  for (std::size_t i = 0; i < traces.size(); ++i) {
    if (auto status = record::check_trace(traces[i]); !status) {
      return base::within(fmt::format("trace {}", i), status.error());
    }
    if (!record::same_topology(traces[0], traces[i])) {
      return base::fail(
          base::ErrorCode::Format,
          "trace {} has {} layers of {} experts with {} chosen, trace 0 has {} of {} with {}: they are of "
          "different models and can't be compared",
          i, traces[i].layers.size(), traces[i].experts, traces[i].k, traces[0].layers.size(),
          traces[0].experts, traces[0].k);
    }
  }
  return {};
}

std::vector<LayerStatistics> layer_statistics(std::span<const record::RoutingTrace> traces) {
  std::vector<LayerStatistics> layers;
  if (traces.empty()) return layers;
  for (std::size_t i = 0; i < traces.front().layers.size(); ++i) layers.push_back(statistics_of(traces, i));
  return layers;
}

Coverage coverage(std::span<const LayerStatistics> layers, int k, double threshold) {
  Coverage result;
  if (layers.empty()) return result;
  const auto experts = static_cast<double>(layers.front().share.size());
  const auto n = static_cast<double>(layers.size());
  result.tokens = std::numeric_limits<std::int64_t>::max();
  result.min = result.effective_share_min = result.least_used_share = 1;
  for (const LayerStatistics& layer : layers) {
    result.tokens = std::min(result.tokens, layer.tokens);
    result.mean += layer.coverage / n;
    result.effective_share_mean += layer.effective_experts / experts / n;
    if (result.min_layer < 0 || layer.coverage < result.min) {
      result.min = layer.coverage;
      result.min_layer = layer.layer;
    }
    result.effective_share_min = std::min(result.effective_share_min, layer.effective_experts / experts);
    result.least_used_share = std::min(result.least_used_share, layer.share_min);
  }
  result.by_chance = chance_of_use(k, experts, result.tokens);
  result.least_used_of_uniform = result.least_used_share * experts;
  result.tokens_to_threshold = tokens_until(k, experts, threshold);
  return result;
}

}  // namespace moestress::experts

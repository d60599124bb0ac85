#include "protocol/recommendations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace moestress::protocol {
namespace {

/// Experts of as many layers as fit under C2's limit belong on the device: each takes its bytes off the
/// host's path.
std::optional<record::Recommendation> move_layers(const CriterionInput& input, const gguf::Topology& topology,
                                                  const record::ExpertPlacement& placement) {
  // A device made of software computes on the host: nothing is gained there.
  if (!input.has_device || input.software_device || input.device_peaks.empty() || topology.moe_layers.empty())
    return std::nullopt;
  double peak = 0;
  for (const auto& [source, bytes] : input.device_peaks) peak = std::max(peak, bytes);
  const auto layers = static_cast<double>(topology.moe_layers.size());
  const double layer_bytes = static_cast<double>(topology.routed_expert_bytes) / layers;
  const double on_cpu =
      static_cast<double>(std::count_if(topology.moe_layers.begin(), topology.moe_layers.end(),
                                        [&](int layer) { return placement.on_cpu(layer); }));
  const double fit = std::min(on_cpu, std::floor((input.thresholds.c2_gpu_bytes_max - peak) / layer_bytes));
  if (fit < 1) return std::nullopt;
  const int keep = static_cast<int>(on_cpu - fit);
  // first:N counts model layers, and leading dense ones have no experts.
  const int first = keep == 0 ? 0 : topology.moe_layers[static_cast<std::size_t>(keep) - 1] + 1;
  return record::Recommendation{
      "--experts", keep == 0 ? "gpu" : fmt::format("first:{}", first),
      fmt::format("{:.0f} of {:.0f} layers' experts ({}) fit on the device within C2's limit; the host then "
                  "reads {:.0f} % less expert "
                  "weight a token",
                  fit, on_cpu, base::human_bytes(fit * layer_bytes), 100 * fit / on_cpu),
      fmt::format("peak device memory {}, {} of experts a layer (C2, test 1.3)", base::human_bytes(peak),
                  base::human_bytes(layer_bytes))};
}

/// The level of test 2.2 with the highest throughput.
std::optional<record::Recommendation> choose_sessions(const CriterionInput& input) {
  if (input.speed_of_stand_in) return std::nullopt;
  double best = 0, alone = 0;
  int best_sessions = 0;
  for (int sessions = 1; sessions <= 64; ++sessions) {
    const auto speed = input.metric("2.2", fmt::format("aggregate_tok_s_s{}", sessions));
    if (!speed) continue;
    if (sessions == 1) alone = speed->value;
    if (speed->value > best) {
      best = speed->value;
      best_sessions = sessions;
    }
  }
  if (best_sessions <= 1 || alone <= 0) return std::nullopt;
  return record::Recommendation{
      "--slots", std::to_string(best_sessions),
      fmt::format("{:.1f} tok/s together instead of {:.1f} from one session", best, alone),
      "the highest aggregate speed of test 2.2"};
}

}  // namespace

std::vector<record::Recommendation> recommend(const CriterionInput& input, const gguf::Topology& topology,
                                              const record::ExpertPlacement& placement) {
  std::vector<record::Recommendation> recommendations;
  if (auto layers = move_layers(input, topology, placement)) recommendations.push_back(std::move(*layers));
  if (auto sessions = choose_sessions(input)) recommendations.push_back(std::move(*sessions));
  return recommendations;
}

}  // namespace moestress::protocol

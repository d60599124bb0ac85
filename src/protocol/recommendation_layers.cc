#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "protocol/recommendations.h"

namespace moestress::protocol {

std::optional<record::Recommendation> recommend_layers(const Evidence& evidence) {
  const CriterionInput& input = evidence.measured;
  const gguf::Topology& topology = evidence.topology;
  // A device made of software computes on the host: nothing is gained there.
  if (!input.has_device || input.software_device || input.device_peaks.empty() || topology.moe_layers.empty())
    return std::nullopt;
  double peak = 0;
  for (const auto& [source, bytes] : input.device_peaks) peak = std::max(peak, bytes);
  const auto layers = static_cast<double>(topology.moe_layers.size());
  const double layer_bytes = static_cast<double>(topology.routed_expert_bytes) / layers;
  const double on_cpu =
      static_cast<double>(std::count_if(topology.moe_layers.begin(), topology.moe_layers.end(),
                                        [&](int layer) { return evidence.placement.on_cpu(layer); }));
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

}  // namespace moestress::protocol

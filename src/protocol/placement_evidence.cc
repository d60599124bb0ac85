#include "protocol/placement_evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace moestress::protocol {
namespace {

constexpr double kToleranceOfRouted = 0.02;  // padding and alignment of buffers

}  // namespace

PlacementEvidence evidence_from_engine(const ServerProperties& properties) {
  return {"engine",
          properties.routed_host_bytes,
          properties.routed_device_bytes,
          properties.shared_host_bytes,
          properties.shared_device_bytes,
          properties.layer_devices};
}

std::optional<PlacementEvidence> evidence_from_log(const LoadLog& log, const gguf::Topology& topology,
                                                   std::uint64_t device_without_experts) {
  if (!log.has_model_buffers()) return std::nullopt;
  std::uint64_t device = 0;
  for (const auto& [buffer, bytes] : log.model_bytes)
    if (!is_host_buffer(buffer)) device += bytes;
  PlacementEvidence evidence;
  evidence.source = "load log";
  // With every layer kept off the device its buffer is absent or holds less than its share: no experts there.
  const std::uint64_t beyond = device > device_without_experts ? device - device_without_experts : 0;
  evidence.routed_device_bytes = std::min(beyond, topology.routed_expert_bytes);
  evidence.routed_host_bytes = topology.routed_expert_bytes - evidence.routed_device_bytes;
  return evidence;
}

PlacementJudgement judge_placement(const PlacementEvidence& evidence, const record::ExpertPlacement& asked,
                                   const gguf::Topology& topology) {
  std::size_t device_layers = 0;
  for (const int layer : topology.moe_layers)
    if (!asked.on_cpu(layer)) ++device_layers;
  const double routed = static_cast<double>(topology.routed_expert_bytes);
  const double expected = topology.moe_layers.empty() ? 0
                                                      : routed * static_cast<double>(device_layers) /
                                                            static_cast<double>(topology.moe_layers.size());
  const double found = static_cast<double>(evidence.routed_device_bytes);
  const std::string text = fmt::format(
      "asked for experts \"{}\": {} of {} layers' routed experts on the device ({}); {} says {} on the "
      "device and {} "
      "in host memory",
      asked.name, device_layers, topology.moe_layers.size(), base::human_bytes(expected),
      evidence.source == "engine" ? "the engine" : "the load log", base::human_bytes(found),
      base::human_bytes(static_cast<double>(evidence.routed_host_bytes)));
  if (std::abs(found - expected) > kToleranceOfRouted * routed) return {record::Verdict::Fail, text};
  for (const auto& [layer, where] : evidence.layers) {
    const char* wanted = asked.on_cpu(layer) ? "host" : "device";
    if (where != wanted)
      return {record::Verdict::Fail,
              fmt::format("{}; as much as asked for, but of other layers: layer {} is \"{}\" and should be "
                          "\"{}\"",
                          text, layer, where, wanted)};
  }
  return {record::Verdict::Pass, text};
}

}  // namespace moestress::protocol

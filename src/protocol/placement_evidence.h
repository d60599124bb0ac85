#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "gguf/topology.h"
#include "protocol/load_log.h"
#include "protocol/server_properties.h"
#include "record/placement.h"
#include "record/result.h"

namespace moestress::protocol {

/// What is known of where the routed experts really are, and from what. A server's banner is never part of
/// it.
struct PlacementEvidence {
  std::string source;  ///< "engine", "load log", "" where there is none
  std::uint64_t routed_host_bytes = 0;
  std::uint64_t routed_device_bytes = 0;
  std::uint64_t shared_host_bytes = 0;
  std::uint64_t shared_device_bytes = 0;
  std::map<int, std::string> layers = {};  ///< MoE layer → "host", "device" or "mixed"; empty: not known
};

/// From the engine's own books: exact, tensor by tensor.
PlacementEvidence evidence_from_engine(const ServerProperties& properties);

/// From the buffer lines of a llama.cpp load log: what the device holds beyond its share of the other tensors
/// is routed experts. Absent without such lines. `device_without_experts` is the predicted weight of the
/// device when all routed experts are on the host.
std::optional<PlacementEvidence> evidence_from_log(const LoadLog& log, const gguf::Topology& topology,
                                                   std::uint64_t device_without_experts);

struct PlacementJudgement {
  record::Verdict verdict = record::Verdict::Skipped;
  std::string reason;
};

/// Holds evidence against what was asked for: PASS where the routed bytes on the device are those of the
/// layers asked to be there, within 2 % of all routed bytes, and no layer is known to be elsewhere; else
/// FAIL, naming both.
PlacementJudgement judge_placement(const PlacementEvidence& evidence, const record::ExpertPlacement& asked,
                                   const gguf::Topology& topology);

}  // namespace moestress::protocol

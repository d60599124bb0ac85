#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "protocol/routing_sets.h"

namespace moestress::protocol {

/// Holds the routing of `sets`, traced into the score file `path`, against that of the plan's baseline model
/// for the same tokens on the same placement. FAIL where it parts: on the CPU, with weights of the same
/// types, at any difference of a router's choice or its weights, since the same kernels round alike; else
/// where a layer agrees in less than 90 %. What a layer's experts give out shows in the routers after it.
/// Does nothing where the plan names no baseline model. Errors: those of run_scoring; Format (the baseline
/// model has another topology).
base::Status compare_with_baseline(Rig& rig, const std::string& path, std::span<const RoutingSet> sets,
                                   ResultBuilder& result);

}  // namespace moestress::protocol

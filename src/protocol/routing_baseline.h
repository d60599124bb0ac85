#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "protocol/routing_sets.h"

namespace moestress::protocol {

/// Holds the routing of `sets`, traced into the score file `path`, against that of the plan's baseline model
/// for the same tokens on the same placement. With weights of the same types the same kernels compute both,
/// so FAIL at any difference of a router's choice or its weights, as long as the baseline traced twice is
/// the same to the bit. With other types, or on a device that does not repeat itself, there is no telling
/// damage from rounding: the figures are given and it is undecided. What experts give out shows in the
/// routers after them, so the last layer's don't show.
///
/// Gives what a PASS says of it, "" where the plan names no baseline model. Errors: those of run_scoring;
/// Format (the baseline model has another topology).
base::Result<std::string> compare_with_baseline(Rig& rig, const std::string& path,
                                                std::span<const RoutingSet> sets, ResultBuilder& result);

}  // namespace moestress::protocol

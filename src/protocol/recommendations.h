#pragma once

#include <vector>

#include "gguf/topology.h"
#include "protocol/criteria.h"
#include "record/placement.h"
#include "record/result.h"

namespace moestress::protocol {

/// Settings to change, each with what it should gain and the figures it rests on. Nothing is recommended from
/// speed on a stand-in device.
std::vector<record::Recommendation> recommend(const CriterionInput& input, const gguf::Topology& topology,
                                              const record::ExpertPlacement& placement);

}  // namespace moestress::protocol

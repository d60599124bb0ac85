#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gguf/topology.h"
#include "plan/plan.h"
#include "protocol/criteria.h"
#include "record/placement.h"
#include "record/result.h"

namespace moestress::protocol {

/// What recommendations rest on.
struct Evidence {
  const CriterionInput& measured;
  const plan::TargetPlan& target;
  const gguf::Topology& topology;
  const record::ExpertPlacement& placement;
  bool embedded = true;    ///< served by `moestress serve`, whose settings can be named
  int physical_cores = 0;  ///< 0: unknown
  std::string suite = {};  ///< the plan's
  double scale = 1;
};

/// Settings to change, each with what it should gain and the figures it rests on; none without figures.
/// The first is a larger suite where samples were too few. Nothing is recommended from speed on a stand-in
/// device. The size of batches is not among them: no test measures with two.
std::vector<record::Recommendation> recommend(const Evidence& evidence);

// One file each: recommendation_<kind>.cc.

/// The next larger suite, where what this one left undecided may be decided by more samples.
std::optional<record::Recommendation> recommend_suite(const Evidence& evidence);
/// Experts of as many layers as fit under C2's limit belong on the device: each takes its bytes off the
/// host's path.
std::optional<record::Recommendation> recommend_layers(const Evidence& evidence);
/// As many sessions at once as test 2.2 found fastest together.
std::optional<record::Recommendation> recommend_slots(const Evidence& evidence);
/// More threads, where there are cores for them and memory bandwidth is not used up.
std::optional<record::Recommendation> recommend_threads(const Evidence& evidence);
/// Less context where C2 fails by what its KV cache takes; more where its limit leaves room.
std::optional<record::Recommendation> recommend_context(const Evidence& evidence, bool room_is_taken);

}  // namespace moestress::protocol

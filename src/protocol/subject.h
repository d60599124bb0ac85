#pragma once

#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "plan/plan.h"
#include "protocol/model_facts.h"
#include "record/placement.h"

namespace moestress::protocol {

/// A model in one placement: what a run goes through test by test.
struct Subject {
  ModelFacts facts;  ///< its id names the placement where the plan has several
  plan::Plan plan;   ///< the run's, with target.experts as this placement has it
  record::ExpertPlacement placement;
};

/// Each of the plan's models in each of its placements. Errors: those of read_model_facts and
/// parse_placement.
base::Result<std::vector<Subject>> subjects_of(const plan::Plan& plan, const base::Logger& logger);

}  // namespace moestress::protocol

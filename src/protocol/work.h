#pragma once

#include <cstdint>

#include "plan/plan.h"
#include "protocol/model_facts.h"

namespace moestress::protocol {

/// What a test's work is computed from; nothing of it needs a running server.
struct WorkInput {
  const plan::Plan& plan;
  const ModelFacts& facts;
};

/// How much a test asks of the target: what an estimate of its time rests on. Tokens are of all requests
/// together, whether they run side by side or not.
struct Work {
  std::int64_t requests = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t reply_tokens = 0;
  std::int64_t scored_tokens = 0;  ///< by `moestress score`, prompts and replies
  int starts = 0;                  ///< of the target, or of `moestress score`: each loads the model
  double seconds = 0;  ///< that pass whatever the target's speed: idling, timed generation, arrivals
};

}  // namespace moestress::protocol

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plan/plan.h"
#include "protocol/model_facts.h"
#include "workload/prompts.h"

namespace moestress::protocol {

/// What a test's work is computed from; nothing of it needs a running server.
struct WorkInput {
  const plan::Plan& plan;
  const ModelFacts& facts;
  const workload::PromptLibrary& prompts;  ///< the run's
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
  double parallel =
      1;  ///< of the tokens above: requests that are on their way at once, as a mean over tokens
  /// Requests that come when they come: they take `paced_seconds`, or as long as the target needs if that is
  /// longer. Not among those above.
  std::int64_t paced_requests = 0;
  std::int64_t paced_prompt_tokens = 0;
  std::int64_t paced_reply_tokens = 0;
  double paced_seconds = 0;
  std::string skipped;  ///< why nothing of it will be done, where that is known beforehand; else empty
};

/// What `Rig::fresh_memory` waits for: the probe's next look, 10 a second.
inline constexpr double kProbeWaitSeconds = 0.1;

/// What a test's random choices for a purpose are drawn from; `Rig::seed` is the same.
std::uint64_t seed_for(const WorkInput& input, std::string_view purpose);

/// The mean tokens of a prompt in the model's template; of those of at most `characters_max` bytes,
/// 0: of any length.
double mean_prompt_tokens(const WorkInput& input, int characters_max);

/// What the model's template puts around a message.
std::int64_t template_tokens(const WorkInput& input);

/// Tokens that a prompt may have by itself, so that it fits a slot's context in its template beside a reply.
int room_for_prompt(const plan::Plan& plan, int reply_tokens);

/// Some prompts: how many there are, and their mean tokens in the model's template.
struct PromptTokens {
  std::int64_t count = 0;
  double mean = 0;
  double sum() const { return static_cast<double>(count) * mean; }
};
/// The `count` shortest prompts, or as many as there are.
PromptTokens short_prompts(const WorkInput& input, std::size_t count);
/// The first `count` of a domain's prompts of at most `characters_max` bytes, 0: of any length.
PromptTokens first_prompts(const WorkInput& input, workload::Domain domain, std::size_t count,
                           int characters_max);

}  // namespace moestress::protocol

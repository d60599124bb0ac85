#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"
#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "workload/prompts.h"
#include "workload/questions.h"

namespace moestress::protocol {

inline constexpr int kFactTokens = 12;  ///< bound of a reply to a fact

/// What both sides are asked beside the prompts whose tokens are compared.
struct Questions {
  std::vector<workload::Prompt> prompts;  ///< short ones: many independent samples for little time
  std::vector<workload::Question> facts;
  std::vector<workload::Prompt> long_ones;
};

Questions questions_of(const workload::PromptLibrary& library, const plan::TestParameters& sizes,
                       bool random_weights);

/// For 6.1: texts, facts and long texts that both placements generate freely, with the baseline against
/// itself as the floor. `baseline_texts` are its replies to the prompts. Errors: those of run_scoring.
base::Status compare_free_answers(Rig& rig, const std::vector<std::string>& baseline_texts,
                                  ResultBuilder& result);

/// For 6.1 against a server of another kind: the same greedy requests twice, and of the server that plays
/// GPU-only if one is named; as text.
void compare_texts_over_http(Rig& rig, ResultBuilder& result);

}  // namespace moestress::protocol

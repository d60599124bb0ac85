#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "experts/specialisation.h"
#include "protocol/result_builder.h"
#include "protocol/routing_sets.h"

namespace moestress::protocol {

/// A prompt made of a prompt of one domain and one of another, which are traced alone as well.
struct MixedPrompt {
  std::size_t domain_a = 0, prompt_a = 0;  ///< set, and text in it
  std::size_t domain_b = 0, prompt_b = 0;
};

/// `per_pair` mixed prompts for each pair of the sets, as far as they have texts, as one more set named
/// "mixed"; which part comes first takes turns.
TextSet mix_prompts(const std::vector<TextSet>& sets, std::size_t per_pair, std::vector<MixedPrompt>& mixed);

/// Whether the mixed prompts' routing lies between that of their parts: FAIL where it is significantly
/// outside. `traces` are those of mix_prompts' set. Returns a clause for the reason of a PASS; empty where
/// the parts' routing is all the same.
std::string judge_mixtures(const std::vector<RoutingSet>& domains, const RoutingSet& traces,
                           const std::vector<MixedPrompt>& mixed, std::uint64_t seed, ResultBuilder& result);

}  // namespace moestress::protocol

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workload/prompts.h"

namespace moestress::workload {

/// `count` prompts to complete, in turn one of few words again and again ("repeat-0"), which a model carries
/// on with, so that tokens that follow each other are routed alike, and one whose words all differ
/// ("varied-0"). Whether a model really switches experts less in the former is for its routing to say.
std::vector<Prompt> switching_prompts(std::size_t count, std::uint64_t seed);

}  // namespace moestress::workload

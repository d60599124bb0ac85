#pragma once

#include "base/result.h"
#include "plan/plan.h"
#include "workload/prompts.h"

namespace moestress::protocol {

/// The built-in prompts, with those of the plan's files in place of the domains that it names. Errors: Usage
/// (a file that can't be read), and those of PromptLibrary::replace, with the file and the line.
base::Result<workload::PromptLibrary> load_prompts(const plan::Plan& plan);

}  // namespace moestress::protocol

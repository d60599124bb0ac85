#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "forge/upcycle.h"

namespace moestress::app {

/// Runs the dense model `base` once over prompts of every domain of 3.1, and fits routers and gpt-oss' gates
/// to what its feed-forwards do.
base::Result<forge::Fitted> fit_to_base(const std::string& base, forge::Topology kind, std::uint64_t seed);

}  // namespace moestress::app

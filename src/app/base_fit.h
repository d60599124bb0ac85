#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "engine/model.h"
#include "forge/upcycle.h"

namespace moestress::app {

/// Runs a dense model once over prompts of every domain of 3.1, and fits routers and gpt-oss' gates to what
/// its feed-forwards do. Errors: the engine's; those of forge::fit_routers.
base::Result<forge::Fitted> fit_to_base(const std::shared_ptr<const engine::Model>& model,
                                        forge::Topology kind, std::uint64_t seed,
                                        const std::function<void(double share)>& progress);

}  // namespace moestress::app

#pragma once

#include <memory>
#include <optional>

#include "base/log.h"
#include "base/result.h"
#include "engine/batcher.h"
#include "engine/model.h"
#include "server/props.h"
#include "server/serve_options.h"

namespace moestress::server {

/// A model with its batcher running, and what /props says of it. Owned by the server.
struct LoadedModel {
  std::shared_ptr<const engine::Model> model;
  std::unique_ptr<engine::Batcher> batcher;
  ServedModel served;
};

/// Loads what the options name and starts to batch; takes as long as that takes. Errors: the engine's.
base::Result<std::unique_ptr<LoadedModel>> load_model(const ServeOptions& options,
                                                      const base::Logger& logger);

}  // namespace moestress::server

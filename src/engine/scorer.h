#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "engine/batcher.h"
#include "engine/model.h"
#include "record/routing.h"

namespace moestress::engine {

/// What the model says of a given text: the distribution after each token (teacher-forced) and the routing.
struct Score {
  int vocabulary = 0;
  std::vector<float> logits;                    ///< [tokens × vocabulary], row i: after token i
  std::optional<record::RoutingTrace> routing;  ///< if ContextOptions::trace_routing
};

/// Evaluates whole texts, several in a batch where they fit. Owns its context. One thread at a time.
class Scorer {
 public:
  static base::Result<std::unique_ptr<Scorer>> create(std::shared_ptr<const Model> model,
                                                      const ContextOptions& options,
                                                      const base::Logger& logger);
  ~Scorer();

  /// Calls `done(index, score)` for each text as its batch is ready. Errors: Limit (a text longer than the
  /// context), Internal (the engine failed to decode).
  base::Status score(std::span<const std::vector<Token>> texts,
                     const std::function<void(std::size_t index, Score score)>& done);
  std::vector<MemoryUse> memory() const;

 private:
  Scorer();
  class Context;
  std::unique_ptr<Context> context_;
};

}  // namespace moestress::engine

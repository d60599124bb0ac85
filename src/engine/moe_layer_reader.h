#pragma once

#include <memory>
#include <span>

#include "base/log.h"
#include "base/result.h"
#include "engine/batcher.h"
#include "engine/model.h"
#include "record/moe_activations.h"

namespace moestress::engine {

/// Reads what each layer with experts takes in and gives out, and can put other inputs in the place of its
/// own. Two placements of a model that get the same inputs in every layer differ by what the layer itself
/// computes, not by what the layers before it passed on. Owns its context. One thread at a time.
class MoeLayerReader {
 public:
  /// `options.slots` and `trace_routing` are not looked at. Errors: as DecodeContext::create; Unsupported (a
  /// model without experts, or whose graph does not show what its layers take in and give out).
  static base::Result<std::unique_ptr<MoeLayerReader>> create(std::shared_ptr<const Model> model,
                                                              ContextOptions options,
                                                              const base::Logger& logger);
  ~MoeLayerReader();

  /// Evaluates one text. With `forced`, of as many tokens, each layer with experts gets those inputs, and the
  /// result has none. Errors: Limit (a text longer than a batch), Format (`forced` is of another model's
  /// shape), Internal (the engine failed).
  base::Result<record::MoeActivations> read(std::span<const Token> text,
                                            const record::MoeActivations* forced = nullptr);

 private:
  MoeLayerReader();
  class Context;
  std::unique_ptr<Context> context_;
};

}  // namespace moestress::engine

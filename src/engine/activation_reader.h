#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "engine/batcher.h"
#include "engine/model.h"

namespace moestress::engine {

/// Reads what a model computes on the way: some nodes of every layer's graph, such as "ffn_norm", the input
/// of the feed-forward. Owns its context. One thread at a time.
class ActivationReader {
 public:
  /// Activations of one node in one layer for all tokens of one text: [tokens × width].
  using OnLayer =
      std::function<void(std::size_t text, std::size_t node, int layer, std::span<const float> rows)>;

  /// `nodes`: names as the engine gives them, without the layer; OnLayer's `node` counts them. Errors: as
  /// DecodeContext::create.
  static base::Result<std::unique_ptr<ActivationReader>> create(std::shared_ptr<const Model> model,
                                                                const ContextOptions& options,
                                                                std::vector<std::string> nodes,
                                                                const base::Logger& logger);
  ~ActivationReader();

  /// Evaluates the texts one after the other. Errors: Limit (a text longer than a batch), Unsupported (the
  /// graph has no such node, or its rows are not floats), Internal (the engine failed).
  base::Status read(std::span<const std::vector<Token>> texts, const OnLayer& on_layer);

 private:
  ActivationReader();
  class Context;
  std::unique_ptr<Context> context_;
};

}  // namespace moestress::engine

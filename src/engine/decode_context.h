#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "engine/batch_order.h"
#include "engine/batcher.h"
#include "engine/model.h"
#include "engine/routing_tap.h"

struct ggml_tensor;
struct ggml_threadpool;
struct llama_context;

namespace moestress::engine {

/// Is asked before each node of the graph whether to stop after it, and called again where it said so.
struct NodeObserver {
  bool (*observe)(ggml_tensor* node, bool ask, void* user) = nullptr;
  void* user = nullptr;
};

/// A KV cache of several sequences with the threads that compute on it. Owned by what evaluates texts with
/// it; one thread decodes, any may ask for `memory`.
class DecodeContext {
 public:
  /// `outputs_max`: the most tokens of a batch whose logits are wanted; memory is set aside for them.
  /// Errors: Usage (options out of range), Unsupported (tracing a model without experts; no memory).
  static base::Result<std::unique_ptr<DecodeContext>> create(std::shared_ptr<const Model> model,
                                                             const ContextOptions& options, int outputs_max,
                                                             const base::Logger& logger,
                                                             NodeObserver observer = {});
  ~DecodeContext();
  DecodeContext(const DecodeContext&) = delete;
  DecodeContext& operator=(const DecodeContext&) = delete;

  const Model& model() const { return *model_; }
  /// As they came, with the number of threads filled in and batches no larger than all contexts together.
  const ContextOptions& options() const { return options_; }
  int outputs_max() const { return outputs_max_; }

  /// Evaluates up to options().batch_tokens entries; positions continue those of each sequence. With `trace`
  /// their routing is read as well. Errors: Internal, quoting the engine; the batch's sequences must be
  /// cleared then.
  base::Status decode(std::span<const BatchEntry> entries, bool trace);
  /// A whole text as the first sequence, which is cleared before. All of its tokens ask for output, since the
  /// last layer is computed for those alone that do.
  base::Status decode_text(std::span<const Token> text, bool trace);
  /// Logits [vocabulary] of entry `index` of the last batch, which must have asked for output.
  std::span<const float> logits(std::size_t index) const;
  record::RoutingTrace empty_trace() const;
  /// Adds the routing of entry `index` of the last batch, decoded with `trace`, to a request's trace.
  void append_routing(std::size_t index, record::RoutingTrace& trace) const;

  /// Forgets all of a sequence.
  void clear(int sequence);
  /// As of the last batch.
  std::vector<MemoryUse> memory() const;

 private:
  DecodeContext(std::shared_ptr<const Model> model, const ContextOptions& options, int outputs_max,
                const base::Logger& logger);
  base::Status open();
  bool observe(ggml_tensor* node, bool ask);
  base::Status attach_threads();
  void remember_memory();

  std::shared_ptr<const Model> model_;
  ContextOptions options_;
  int outputs_max_;
  base::Logger logger_;
  std::unique_ptr<RoutingTap> tap_;
  NodeObserver observer_;
  bool tap_asked_ = false;  ///< for the node that is being evaluated
  bool observer_asked_ = false;
  llama_context* context_ = nullptr;
  ggml_threadpool* threads_ = nullptr;

  // The batch in the form that the engine takes it.
  std::vector<std::int32_t> tokens_;
  std::vector<std::int32_t> positions_;
  std::vector<std::int32_t> sequence_counts_;
  std::vector<std::int32_t> sequences_;
  std::vector<std::int32_t*> sequence_lists_;
  std::vector<std::int8_t> outputs_;

  mutable std::mutex memory_mutex_;
  std::vector<MemoryUse> memory_;
};

}  // namespace moestress::engine

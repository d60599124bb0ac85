#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch_order.h"
#include "record/routing.h"

struct ggml_tensor;

namespace moestress::engine {

/// Reads from the engine, while it evaluates a batch, which experts each token was sent to.
///
/// The engine calls `observe` for every node of its graph, in order of execution, and stops after a node that
/// asked to be observed. The tap stops once in each MoE layer, at the first node after the router's weights
/// are final: there the chosen ids and the weights are both still in memory, and operations that a backend
/// fuses (softmax, top-k, normalisation) are not torn apart.
///
/// The router's columns are the tokens of a micro-batch, whose order is not the batch's when it has several
/// sequences: `micro_batches` says which it is, and the tap holds every micro-batch's tokens and positions,
/// read from the engine's own inputs, against it.
///
/// Owned by a DecodeContext; only the thread that decodes calls.
class RoutingTap {
 public:
  /// `layers`: the model's MoE layers, ascending; `micro_batch_tokens`: the engine's n_ubatch.
  RoutingTap(std::vector<int> layers, int experts, int k, std::size_t micro_batch_tokens);

  /// Before a batch is evaluated. Entries must live until `finish`.
  void begin(std::span<const BatchEntry> entries);
  /// After it: what went wrong, or "" if the routing of every entry is known (but for the last layer of
  /// entries without output, which some architectures don't compute).
  std::string finish();

  /// An empty trace of this model's shape.
  record::RoutingTrace empty_trace() const;
  /// Adds the routing of entry `index` of the last batch as the next token of `trace`.
  void append(std::size_t index, record::RoutingTrace& trace) const;

  /// The engine's evaluation callback; `user` is a RoutingTap.
  static bool observe(ggml_tensor* node, bool ask, void* user);

 private:
  bool asked(const ggml_tensor* node);
  void check_inputs(const ggml_tensor* node);
  bool extends_chain(const ggml_tensor* node) const;
  void capture();
  void scatter(std::size_t layer_index, std::size_t columns);
  bool matches(const std::vector<std::int32_t>& values, int BatchEntry::*member) const;
  void fail(std::string problem);

  std::vector<int> layers_;
  int experts_;
  int k_;

  std::size_t micro_batch_tokens_;

  bool active_ = false;
  std::string problem_;
  std::span<const BatchEntry> entries_;
  std::vector<std::vector<std::size_t>> micro_batches_;
  std::size_t begun_ = 0;  ///< micro-batches whose inputs were seen; the last of them is being evaluated
  bool positions_checked_ = false;
  int layer_ = -1;                         ///< the one that is being evaluated
  const ggml_tensor* ids_ = nullptr;       ///< its chosen experts
  const ggml_tensor* weights_ = nullptr;   ///< the latest form of their weights: plain, normalised, scaled
  std::vector<const ggml_tensor*> chain_;  ///< the nodes that make the weights
  bool captured_ = false;

  std::vector<std::uint16_t> batch_ids_;  ///< [entries × layers × k]
  std::vector<float> batch_weights_;
  std::vector<std::int32_t> raw_ids_;  ///< as the engine has them, rows apart
  std::vector<float> raw_weights_;     ///< [columns × k]
};

}  // namespace moestress::engine

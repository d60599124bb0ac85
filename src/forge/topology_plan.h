#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forge/random_model.h"
#include "forge/vocabulary.h"

struct gguf_context;

namespace moestress::forge {

/// How a tensor's values are stored; ggml's types of these names.
enum class Encoding : std::uint8_t { F32, F16, Q8_0, Mxfp4 };

/// The figures of one model: what its metadata says and its tensors follow.
struct Shape {
  const char* architecture = "";  ///< as llama.cpp knows it
  int layers = 0;
  int embedding = 0;
  int heads = 0;
  int heads_kv = 0;
  int head_width = 0;
  int experts = 0;
  int experts_used = 0;
  int experts_shared = 0;
  int expert_width = 0;    ///< feed-forward width of one expert
  int dense_layers = 0;    ///< leading layers without experts
  int dense_width = 0;     ///< feed-forward width of those
  int context_tokens = 0;  ///< as the metadata states it
  Encoding expert_encoding = Encoding::F32;
  Encoding matrix_encoding = Encoding::F32;  ///< attention, dense and shared feed-forward
};

Shape shape_of(Topology kind, Size size);

/// One tensor and how its values are drawn: mean + deviation × u, u uniform with unit variance.
///
/// Dimension 0 of the embedding is reserved: every token has the same constant there, nothing reads it but
/// the output layer, and no layer writes it. It carries a bias over tokens to the logits (Emission), in
/// architectures that have no output bias too.
struct TensorPlan {
  std::string name;
  Encoding encoding = Encoding::F32;
  std::vector<std::int64_t> dims;  ///< ggml's order: the contiguous one first
  float mean = 0;
  float deviation = 0;
  std::optional<float> first_column;       ///< instead of a drawn value, at index 0 of every row
  std::vector<float> first_column_by_row;  ///< likewise, one for each row; or empty
  bool silent_first_row = false;           ///< row 0 of every matrix is zero
};

/// The tensors in the order in which they are written.
std::vector<TensorPlan> plan_tensors(const Shape& shape, const Vocabulary& vocabulary);

/// Every key that llama.cpp needs to load the model, and what says that its weights are random.
void set_metadata(gguf_context* gguf, const RandomModelSpec& spec, const Shape& shape,
                  const Vocabulary& vocabulary);

}  // namespace moestress::forge

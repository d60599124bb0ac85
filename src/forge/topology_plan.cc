#include "forge/topology_plan.h"

#include <ggml.h>
#include <gguf.h>

#include <cmath>
#include <utility>

namespace moestress::forge {
namespace {

// What a token's constant in the reserved dimension is, and what the output layer makes of it. After the last
// norm the constant is 3 to 4, so "never" is some 30 below the other logits and "seldom" some 15.
constexpr float kReservedValue = 4.0F;
constexpr float kNeverWeight = -8.0F;
constexpr float kSeldomWeight = -4.0F;

// Gains, as the size of a layer's output where its input has unit size. Above about 0.5 in the residual
// branches greedy decoding turns chaotic: rounding differences between devices part two texts after a few
// tokens.
constexpr float kResidualGain = 0.3F;
constexpr float kQueryKeyGain = 1.2F;
constexpr float kLogitDeviation = 2.5F;
constexpr float kRouterDeviation = 1.5F;  // of the router's logits: uneven, but no expert starves
constexpr float kBiasDeviation = 0.02F;
constexpr float kNormDeviation = 0.1F;

/// Collects the tensors of one model; knows which of its parts touch the reserved dimension.
class Planner {
 public:
  Planner(const Shape& shape, const Vocabulary& vocabulary) : shape_(shape), vocabulary_(vocabulary) {}

  std::vector<TensorPlan> plan() {
    add_embedding();
    for (int layer = 0; layer < shape_.layers; ++layer) {
      prefix_ = "blk." + std::to_string(layer) + ".";
      add_attention();
      if (layer < shape_.dense_layers) {
        add_feed_forward("", shape_.dense_width);
      } else {
        add_experts();
        if (shape_.experts_shared > 0)
          add_feed_forward("_shexp", shape_.expert_width * shape_.experts_shared);
      }
    }
    prefix_.clear();
    add_output();
    return std::move(tensors_);
  }

 private:
  bool is(const char* architecture) const { return std::string_view(shape_.architecture) == architecture; }
  bool has_biases() const { return is("gpt-oss") || is("phimoe"); }

  TensorPlan& add(const std::string& name, Encoding encoding, std::vector<std::int64_t> dims, float mean,
                  float deviation) {
    TensorPlan& tensor = tensors_.emplace_back();
    tensor.name = prefix_ + name;
    tensor.encoding = encoding;
    tensor.dims = std::move(dims);
    tensor.mean = mean;
    tensor.deviation = deviation;
    return tensor;
  }

  /// A matrix that scales an input of unit size to `gain`.
  TensorPlan& add_matrix(const std::string& name, std::int64_t inputs, std::int64_t outputs, float gain) {
    return add(name + ".weight", shape_.matrix_encoding, {inputs, outputs}, 0,
               gain / std::sqrt(static_cast<float>(inputs)));
  }

  void add_norm(const std::string& name, float reserved) {
    add(name + ".weight", Encoding::F32, {shape_.embedding}, 1, kNormDeviation).first_column = reserved;
    if (is("phimoe"))
      add(name + ".bias", Encoding::F32, {shape_.embedding}, 0, kBiasDeviation).first_column = 0.0F;
  }

  void add_bias(const std::string& name, std::vector<std::int64_t> dims, bool into_embedding) {
    TensorPlan& bias = add(name + ".bias", Encoding::F32, std::move(dims), 0, kBiasDeviation);
    if (into_embedding) bias.first_column = 0.0F;
  }

  void add_embedding() {
    const auto tokens = static_cast<std::int64_t>(vocabulary_.tokens.size());
    add("token_embd.weight", Encoding::F16, {shape_.embedding, tokens}, 0, 1).first_column = kReservedValue;
  }

  void add_attention() {
    const std::int64_t query = static_cast<std::int64_t>(shape_.heads) * shape_.head_width;
    const std::int64_t key = static_cast<std::int64_t>(shape_.heads_kv) * shape_.head_width;
    add_norm("attn_norm", 0);
    add_matrix("attn_q", shape_.embedding, query, kQueryKeyGain);
    add_matrix("attn_k", shape_.embedding, key, kQueryKeyGain);
    add_matrix("attn_v", shape_.embedding, key, 1);
    add_matrix("attn_output", query, shape_.embedding, kResidualGain).silent_first_row = true;
    if (has_biases()) {
      add_bias("attn_q", {query}, false);
      add_bias("attn_k", {key}, false);
      add_bias("attn_v", {key}, false);
      add_bias("attn_output", {shape_.embedding}, true);
    }
    if (is("gpt-oss")) add("attn_sinks.weight", Encoding::F32, {shape_.heads}, 0, 1);
    add_norm(is("gpt-oss") ? "post_attention_norm" : "ffn_norm", 0);
  }

  void add_feed_forward(const std::string& suffix, int width) {
    add_matrix("ffn_gate" + suffix, shape_.embedding, width, 1);
    add_matrix("ffn_up" + suffix, shape_.embedding, width, 1);
    add_matrix("ffn_down" + suffix, width, shape_.embedding, kResidualGain).silent_first_row = true;
  }

  void add_experts() {
    const std::int64_t width = shape_.expert_width;
    const std::int64_t embedding = shape_.embedding;
    const std::int64_t experts = shape_.experts;
    const float into = 1 / std::sqrt(static_cast<float>(embedding));
    const float out = kResidualGain / std::sqrt(static_cast<float>(width));
    add("ffn_gate_inp.weight", Encoding::F32, {embedding, experts}, 0, kRouterDeviation * into);
    add("ffn_gate_exps.weight", shape_.expert_encoding, {embedding, width, experts}, 0, into);
    add("ffn_up_exps.weight", shape_.expert_encoding, {embedding, width, experts}, 0, into);
    add("ffn_down_exps.weight", shape_.expert_encoding, {width, embedding, experts}, 0, out)
        .silent_first_row = true;
    if (!is("gpt-oss")) return;
    add_bias("ffn_gate_inp", {experts}, false);
    add_bias("ffn_gate_exps", {width, experts}, false);
    add_bias("ffn_up_exps", {width, experts}, false);
    add_bias("ffn_down_exps", {embedding, experts}, true);
  }

  void add_output() {
    const auto tokens = static_cast<std::int64_t>(vocabulary_.tokens.size());
    add_norm("output_norm", 1);
    TensorPlan& output = add("output.weight", Encoding::F16, {shape_.embedding, tokens}, 0,
                             kLogitDeviation / std::sqrt(static_cast<float>(shape_.embedding)));
    for (Emission emission : vocabulary_.emissions) {
      output.first_column_by_row.push_back(emission == Emission::Never    ? kNeverWeight
                                           : emission == Emission::Seldom ? kSeldomWeight
                                                                          : 0.0F);
    }
    if (is("phimoe")) add("output.bias", Encoding::F32, {tokens}, 0, kBiasDeviation);
  }

  const Shape& shape_;
  const Vocabulary& vocabulary_;
  std::string prefix_;
  std::vector<TensorPlan> tensors_;
};

/// Writes keys under the architecture's prefix.
class ArchitectureKeys {
 public:
  ArchitectureKeys(gguf_context* gguf, const char* architecture) : gguf_(gguf), prefix_(architecture) {}
  void set(const char* key, int value) {
    gguf_set_val_u32(gguf_, (prefix_ + "." + key).c_str(), static_cast<std::uint32_t>(value));
  }
  void set(const char* key, float value) { gguf_set_val_f32(gguf_, (prefix_ + "." + key).c_str(), value); }
  void set(const char* key, const char* value) {
    gguf_set_val_str(gguf_, (prefix_ + "." + key).c_str(), value);
  }

 private:
  gguf_context* gguf_;
  std::string prefix_;
};

void set_architecture(gguf_context* gguf, const Shape& shape) {
  ArchitectureKeys keys(gguf, shape.architecture);
  keys.set("block_count", shape.layers);
  keys.set("context_length", shape.context_tokens);
  keys.set("embedding_length", shape.embedding);
  keys.set("feed_forward_length", shape.dense_width > 0 ? shape.dense_width : shape.expert_width);
  keys.set("attention.head_count", shape.heads);
  keys.set("attention.head_count_kv", shape.heads_kv);
  keys.set("attention.layer_norm_rms_epsilon", 1e-5F);
  keys.set("rope.dimension_count", shape.head_width);
  keys.set("expert_count", shape.experts);
  keys.set("expert_used_count", shape.experts_used);
  if (std::string_view(shape.architecture) == "gpt-oss") {
    keys.set("expert_feed_forward_length", shape.expert_width);
    keys.set("attention.key_length", shape.head_width);
    keys.set("attention.value_length", shape.head_width);
    keys.set("attention.sliding_window", 128);
    keys.set("rope.freq_base", 150000.0F);
    keys.set("rope.scaling.type", "yarn");
    keys.set("rope.scaling.factor", 32.0F);
    keys.set("rope.scaling.original_context_length", 4096);
  } else if (std::string_view(shape.architecture) == "deepseek") {
    keys.set("expert_feed_forward_length", shape.expert_width);
    keys.set("expert_shared_count", shape.experts_shared);
    keys.set("leading_dense_block_count", shape.dense_layers);
    keys.set("expert_weights_scale", 1.0F);
    keys.set("rope.freq_base", 10000.0F);
  } else {
    keys.set("rope.freq_base", 10000.0F);
  }
}

void set_strings(gguf_context* gguf, const char* key, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const std::string& value : values) pointers.push_back(value.c_str());
  gguf_set_arr_str(gguf, key, pointers.data(), pointers.size());
}

void set_tokenizer(gguf_context* gguf, const Vocabulary& vocabulary) {
  gguf_set_val_str(gguf, "tokenizer.ggml.model", "gpt2");
  gguf_set_val_str(gguf, "tokenizer.ggml.pre", "gpt-2");
  set_strings(gguf, "tokenizer.ggml.tokens", vocabulary.tokens);
  gguf_set_arr_data(gguf, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, vocabulary.types.data(),
                    vocabulary.types.size());
  set_strings(gguf, "tokenizer.ggml.merges", vocabulary.merges);
  gguf_set_val_u32(gguf, "tokenizer.ggml.bos_token_id", static_cast<std::uint32_t>(vocabulary.turn_start));
  gguf_set_val_u32(gguf, "tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(vocabulary.turn_end));
  gguf_set_val_u32(gguf, "tokenizer.ggml.padding_token_id",
                   static_cast<std::uint32_t>(vocabulary.end_of_text));
  gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", false);
  gguf_set_val_str(gguf, "tokenizer.chat_template", std::string(chat_template()).c_str());
}

}  // namespace

// Few layers and narrow ones but for the experts, so that a software Vulkan device decodes some tens of
// tokens a second: norms take most of its time, and each layer has two. Small models are in F16, which such a
// device computes several times faster than MXFP4; the tiny ones cover the block types.
Shape shape_of(Topology kind, Size size) {
  const bool tiny = size == Size::Tiny;
  Shape shape;
  shape.embedding = tiny ? 64 : 256;
  shape.head_width = tiny ? 32 : 64;
  shape.heads = shape.embedding / shape.head_width;
  shape.heads_kv = shape.heads / 2;
  shape.expert_encoding = tiny ? Encoding::Q8_0 : Encoding::F16;
  shape.matrix_encoding = Encoding::F16;
  switch (kind) {
    case Topology::GptOss:
      shape.architecture = "gpt-oss";
      shape.experts = 32;
      shape.experts_used = 4;
      shape.expert_width = tiny ? 64 : 544;
      if (tiny) shape.expert_encoding = Encoding::Mxfp4;
      shape.context_tokens = 131072;
      break;
    case Topology::PhiMoe:
      shape.architecture = "phimoe";
      shape.experts = 16;
      shape.experts_used = 2;
      shape.expert_width = tiny ? 64 : 1088;
      shape.context_tokens = 131072;
      break;
    case Topology::DeepSeek:
      shape.architecture = "deepseek";
      shape.heads_kv = shape.heads;
      shape.experts = 64;
      shape.experts_used = 6;
      shape.experts_shared = 2;
      shape.expert_width = tiny ? 32 : 256;
      shape.dense_layers = 1;
      shape.dense_width = tiny ? 256 : 768;
      shape.context_tokens = 4096;
      break;
  }
  shape.layers = shape.dense_layers + (tiny && shape.dense_layers == 0 ? 3 : 2);
  return shape;
}

std::vector<TensorPlan> plan_tensors(const Shape& shape, const Vocabulary& vocabulary) {
  return Planner(shape, vocabulary).plan();
}

void set_metadata(gguf_context* gguf, const RandomModelSpec& spec, const Shape& shape,
                  const Vocabulary& vocabulary) {
  const std::string name = fmt::format("moestress random {} {}x{} (seed {})", to_string(spec.kind),
                                       shape.experts, shape.experts_used, spec.seed);
  const std::string description = fmt::format(
      "Random weights drawn from seed {}, {} topology ({} experts, {} active, {} shared), for tests of "
      "speed, memory and routing. It says nothing meaningful.",
      spec.seed, to_string(spec.kind), shape.experts, shape.experts_used, shape.experts_shared);
  gguf_set_val_str(gguf, "general.architecture", shape.architecture);
  gguf_set_val_str(gguf, "general.name", name.c_str());
  gguf_set_val_str(gguf, "general.description", description.c_str());
  gguf_set_val_str(gguf, "general.license", "cc0-1.0");
  gguf_set_val_u32(gguf, "general.quantization_version", GGML_QNT_VERSION);
  gguf_set_val_str(gguf, "moestress.weights", "random");
  set_architecture(gguf, shape);
  set_tokenizer(gguf, vocabulary);
}

}  // namespace moestress::forge

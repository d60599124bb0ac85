#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"

namespace moestress::gguf {

/// Puts a GGUF file together byte by byte, right or wrong, for tests. The counts in the header are those of
/// the keys and tensors added, unless claimed otherwise.
class Builder {
 public:
  Builder& number(const std::string& key, std::uint32_t value) {
    begin_key(key, ValueType::U32);
    append(keys_, value);
    return *this;
  }
  Builder& text(const std::string& key, std::string_view value) {
    begin_key(key, ValueType::String);
    append_string(keys_, value);
    return *this;
  }
  Builder& numbers(const std::string& key, const std::vector<std::uint32_t>& values) {
    begin_key(key, ValueType::Array);
    append(keys_, static_cast<std::uint32_t>(ValueType::U32));
    append(keys_, static_cast<std::uint64_t>(values.size()));
    for (const std::uint32_t value : values) append(keys_, value);
    return *this;
  }
  Builder& texts(const std::string& key, const std::vector<std::string>& values) {
    begin_key(key, ValueType::Array);
    append(keys_, static_cast<std::uint32_t>(ValueType::String));
    append(keys_, static_cast<std::uint64_t>(values.size()));
    for (const std::string& value : values) append_string(keys_, value);
    return *this;
  }
  /// A key whose value is these bytes, whatever its type says.
  Builder& raw(const std::string& key, std::uint32_t type, std::string_view value) {
    begin_key(key, static_cast<ValueType>(type));
    keys_ += value;
    return *this;
  }

  /// A tensor behind the ones before it, with its data.
  Builder& tensor(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint32_t type = 0) {
    const std::uint64_t offset = data_bytes_;
    raw_tensor(name, dims, type, offset);
    const auto known = tensor_type(type);
    std::uint64_t bytes = known ? known->block_bytes : 0;
    for (std::size_t i = 0; i < dims.size(); ++i)
      bytes *= i == 0 && known ? dims[i] / known->block_values : dims[i];
    data_bytes_ = (offset + bytes + 31) / 32 * 32;
    return *this;
  }
  /// A tensor that claims any place, without data.
  Builder& raw_tensor(const std::string& name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                      std::uint64_t offset) {
    append_string(tensors_, name);
    append(tensors_, static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) append(tensors_, dim);
    append(tensors_, type);
    append(tensors_, offset);
    ++tensor_count_;
    return *this;
  }
  Builder& version(std::uint32_t value) {
    version_ = value;
    return *this;
  }
  Builder& claim(std::uint64_t tensors, std::uint64_t keys) {
    tensor_count_ = tensors;
    key_count_ = keys;
    return *this;
  }

  /// The metadata alone: what a reader of the topology needs.
  std::string header() const {
    std::string bytes = "GGUF";
    append(bytes, version_);
    append(bytes, tensor_count_);
    append(bytes, key_count_);
    return bytes + keys_ + tensors_;
  }
  std::string bytes() const {
    std::string bytes = header();
    if (data_bytes_ > 0) bytes.resize((bytes.size() + 31) / 32 * 32 + data_bytes_);
    return bytes;
  }

 private:
  template <class T>
  static void append(std::string& into, T value) {
    into.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static void append_string(std::string& into, std::string_view text) {
    append(into, static_cast<std::uint64_t>(text.size()));
    into += text;
  }
  void begin_key(const std::string& key, ValueType type) {
    append_string(keys_, key);
    append(keys_, static_cast<std::uint32_t>(type));
    ++key_count_;
  }

  std::uint32_t version_ = 3;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t key_count_ = 0;
  std::string keys_;
  std::string tensors_;
  std::uint64_t data_bytes_ = 0;
};

/// Parses bytes as a file of just these.
inline base::Result<File> parse_bytes(std::string_view bytes) {
  const ReadAt read_at = [bytes](std::uint64_t offset, std::span<char> into) -> std::size_t {
    if (offset >= bytes.size()) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::memcpy(into.data(), bytes.data() + offset, count);
    return count;
  };
  return parse(read_at, bytes.size(), "test.gguf");
}

/// A model of two layers of which the second is MoE, 8 experts, 2 active, keyed as Mixtral's files are.
inline Builder mixtral_like() {
  Builder builder;
  builder.text("general.architecture", "llama")
      .text("general.name", "Mixtral of nothing")
      .number("llama.block_count", 2)
      .number("llama.embedding_length", 64)
      .number("llama.context_length", 32768)
      .number("llama.attention.head_count", 4)
      .number("llama.attention.head_count_kv", 2)
      .number("llama.expert_count", 8)
      .number("llama.expert_used_count", 2)
      .texts("tokenizer.ggml.tokens", {"a", "b", "c"});
  builder
      .tensor("token_embd.weight", {64, 3}, 1)               // 384 bytes
      .tensor("output.weight", {64, 3}, 1)                   // 384
      .tensor("blk.0.attn_q.weight", {64, 64}, 1)            // 8192
      .tensor("blk.0.ffn_up.weight", {64, 32}, 1)            // 4096
      .tensor("blk.1.ffn_gate_inp.weight", {64, 8}, 0)       // 2048
      .tensor("blk.1.ffn_up_exps.weight", {64, 32, 8}, 8)    // 17408
      .tensor("blk.1.ffn_gate_exps.weight", {64, 32, 8}, 8)  // 17408
      .tensor("blk.1.ffn_down_exps.weight", {32, 64, 8}, 1)  // 32768
      .tensor("blk.1.ffn_down_exps.bias", {64, 8}, 0);       // 2048
  return builder;
}
/// Bytes of its routed experts, biases included.
inline constexpr std::uint64_t kMixtralRoutedBytes = 17408 + 17408 + 32768 + 2048;

}  // namespace moestress::gguf

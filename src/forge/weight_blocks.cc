#include "forge/weight_blocks.h"

#include <ggml.h>

#include <cstring>

#include "base/check.h"

namespace moestress::forge {
namespace {

/// How many 16-bit factors a block begins with: its scale, and in some types its minimum.
int factors_of(ggml_type type) {
  switch (type) {
    case GGML_TYPE_Q4_0:
    case GGML_TYPE_Q5_0:
    case GGML_TYPE_Q8_0:
      return 1;
    case GGML_TYPE_Q4_1:
    case GGML_TYPE_Q5_1:
      return 2;
    default:
      return 0;
  }
}

void scale_half(char* at, float factor) {
  ggml_fp16_t half;
  std::memcpy(&half, at, sizeof half);
  half = ggml_fp32_to_fp16(ggml_fp16_to_fp32(half) * factor);
  std::memcpy(at, &half, sizeof half);
}

}  // namespace

bool can_scale(std::uint32_t type) {
  return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || factors_of(static_cast<ggml_type>(type)) > 0;
}

std::size_t block_bytes(std::uint32_t type, std::int64_t values) {
  return ggml_row_size(static_cast<ggml_type>(type), values);
}

void scale_blocks(std::uint32_t type, std::span<char> bytes, float factor) {
  CHECK(can_scale(type));
  if (factor == 1.0F) return;
  if (type == GGML_TYPE_F32) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
      float value;
      std::memcpy(&value, bytes.data() + at, sizeof value);
      value *= factor;
      std::memcpy(bytes.data() + at, &value, sizeof value);
    }
    return;
  }
  const bool plain = type == GGML_TYPE_F16;
  const std::size_t step = plain ? sizeof(ggml_fp16_t) : block_bytes(type, kBlockValues);
  const int factors = plain ? 1 : factors_of(static_cast<ggml_type>(type));
  for (std::size_t at = 0; at < bytes.size(); at += step)
    for (int i = 0; i < factors; ++i)
      scale_half(bytes.data() + at + static_cast<std::size_t>(i) * sizeof(ggml_fp16_t), factor);
}

std::vector<float> values_of(std::uint32_t type, std::span<const char> bytes) {
  const auto kind = static_cast<ggml_type>(type);
  const std::size_t count =
      bytes.size() / ggml_type_size(kind) * static_cast<std::size_t>(ggml_blck_size(kind));
  std::vector<float> values(count);
  if (kind == GGML_TYPE_F32)
    std::memcpy(values.data(), bytes.data(), bytes.size());
  else
    ggml_get_type_traits(kind)->to_float(bytes.data(), values.data(), static_cast<std::int64_t>(count));
  return values;
}

std::vector<char> blocks_of(std::uint32_t type, std::span<const float> values, std::int64_t row) {
  const auto count = static_cast<std::int64_t>(values.size());
  std::vector<char> bytes(ggml_row_size(static_cast<ggml_type>(type), row) *
                          static_cast<std::size_t>(count / row));
  if (type == GGML_TYPE_F32)
    std::memcpy(bytes.data(), values.data(), bytes.size());
  else
    ggml_quantize_chunk(static_cast<ggml_type>(type), values.data(), bytes.data(), 0, count / row, row,
                        nullptr);
  return bytes;
}

}  // namespace moestress::forge

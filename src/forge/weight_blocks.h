#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace moestress::forge {

/// Values in a block of the types that can be scaled.
inline constexpr std::int64_t kBlockValues = 32;

/// Whether scale_blocks knows ggml's type number `type`: F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.
bool can_scale(std::uint32_t type);

/// Bytes of `values` values of that type; a whole number of blocks.
std::size_t block_bytes(std::uint32_t type, std::int64_t values);

/// Multiplies every value by `factor` in place, by the blocks' own factors, which are 16-bit floats: exact
/// for powers of two, else off by at most 2⁻¹¹ of a value.
void scale_blocks(std::uint32_t type, std::span<char> bytes, float factor);

/// The values in floats. Any of ggml's types.
std::vector<float> values_of(std::uint32_t type, std::span<const char> bytes);

/// Floats in blocks of `type`, rounded. `row`: values of a row, a whole number of its blocks.
std::vector<char> blocks_of(std::uint32_t type, std::span<const float> values, std::int64_t row);

}  // namespace moestress::forge

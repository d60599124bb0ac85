#pragma once

#include <cstddef>
#include <string_view>

namespace moestress::quality {

// Both take O(|a|·|b|/64) time and O(|a|) memory.

/// Length of the longest common subsequence (bit-parallel: Hyyrö 2004).
std::size_t common_subsequence(std::u32string_view a, std::u32string_view b);

/// Levenshtein distance (bit-parallel: Myers 1999, in Hyyrö's form of 2003).
std::size_t edit_distance(std::u32string_view a, std::u32string_view b);

}  // namespace moestress::quality

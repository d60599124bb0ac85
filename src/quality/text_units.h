#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace moestress::quality {

// A text as a sequence of 32-bit units: its characters, its words under numbers, or a model's tokens. One
// form for all three lets n-grams, subsequences and distances be written once.

/// Code points, at most `limit`, without white space where `keep_space` is false. An ill-formed part is
/// U+FFFD.
std::u32string characters(std::string_view text, std::size_t limit, bool keep_space = true);

/// Numbers words: what (Unicode) white space parts. The same word gets the same number. One thread.
class WordNumbers {
 public:
  /// The first `limit` words.
  std::u32string words(std::string_view text, std::size_t limit);

 private:
  std::unordered_map<std::u32string, char32_t> numbers_;
};

/// The first `limit` tokens.
std::u32string units(std::span<const std::int32_t> tokens, std::size_t limit);

}  // namespace moestress::quality

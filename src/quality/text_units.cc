#include "quality/text_units.h"

#include <algorithm>
#include <cstdlib>

#include "base/text.h"

namespace moestress::quality {
namespace {

/// White_Space of Unicode 15.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

/// The character at `position` of well-formed UTF-8, which moves past it.
char32_t next_character(std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(position++);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  char32_t character = lead & (0x3F >> more);
  for (int i = 0; i < more; ++i) character = (character << 6) | (byte(position++) & 0x3F);
  return character;
}

}  // namespace

std::u32string characters(std::string_view text, std::size_t limit, bool keep_space) {
  const std::string valid = base::replace_invalid_utf8(text);
  std::u32string result;
  for (std::size_t position = 0; position < valid.size() && result.size() < limit;) {
    const char32_t character = next_character(valid, position);
    if (keep_space || !is_space(character)) result.push_back(character);
  }
  return result;
}

std::u32string WordNumbers::words(std::string_view text, std::size_t limit) {
  const std::string valid = base::replace_invalid_utf8(text);
  std::u32string result;
  std::u32string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    const auto number = static_cast<char32_t>(numbers_.size());
    result.push_back(numbers_.try_emplace(word, number).first->second);
    word.clear();
  };
  for (std::size_t position = 0; position < valid.size() && result.size() < limit;) {
    const char32_t character = next_character(valid, position);
    if (is_space(character)) {
      end_word();
    } else {
      word.push_back(character);
    }
  }
  if (result.size() < limit) end_word();
  return result;
}

std::u32string units(std::span<const std::int32_t> tokens, std::size_t limit) {
  const auto kept = tokens.first(std::min(tokens.size(), limit));
  std::u32string result;
  for (std::int32_t token : kept) result.push_back(static_cast<char32_t>(token));
  return result;
}

}  // namespace moestress::quality

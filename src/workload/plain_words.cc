#include "workload/plain_words.h"

#include <algorithm>

namespace moestress::workload {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_word(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}

/// A character's bytes at the front of `text`, and what it stands for: itself, another character, or a blank.
struct Glyph {
  std::size_t bytes = 1;
  std::string_view as;
};

Glyph glyph_at(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789";
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  if (byte(0) == 0xC2) return {2, " "};                       // U+0080 to U+00BF: signs, such as the degree's
  if (byte(0) == 0xE2) {                                      // U+2000 to U+2FFF: punctuation and symbols
    if (byte(1) == 0x80 && byte(2) == 0x99) return {3, "'"};  // U+2019, which models write for an apostrophe
    if (byte(1) == 0x82 && byte(2) >= 0x80 && byte(2) <= 0x89)
      return {3, kDigits.substr(byte(2) - 0x80, 1)};  // subscripts, as in CO₂
    return {3, " "};
  }
  return {1, text.substr(0, 1)};
}

std::string without_symbols(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Glyph glyph = glyph_at(text);
    out += glyph.as;
    text.remove_prefix(std::min(glyph.bytes, text.size()));
  }
  return out;
}

}  // namespace

std::string plain_words(std::string_view text) {
  const std::string plain = without_symbols(text);
  const auto at = [&](std::size_t i) { return i < plain.size() ? plain[i] : ' '; };
  std::string words;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    const bool between_digits = i > 0 && is_digit(plain[i - 1]) && is_digit(at(i + 1));
    if (c == '\'') {
      const bool possessive = lower(at(i + 1)) == 's' && !is_word(at(i + 2));
      i += possessive ? 1 : 0;
    } else if (is_word(c) || (c == '.' && between_digits)) {
      words += lower(c);
    } else if (!(c == ',' && between_digits) && !words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  if (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

bool has_words(std::string_view words, std::string_view sought) {
  if (sought.empty()) return false;
  for (auto at = words.find(sought); at != std::string_view::npos; at = words.find(sought, at + 1)) {
    const bool begins = at == 0 || words[at - 1] == ' ';
    const auto end = at + sought.size();
    if (begins && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

}  // namespace moestress::workload

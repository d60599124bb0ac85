#include "workload/answer_check.h"

#include <algorithm>

#include "workload/conversation_material.h"

namespace moestress::workload {
namespace {

constexpr std::string_view kCurly = "\xE2\x80\x99";  // U+2019, which models write for an apostrophe

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The length of the apostrophe that `text` begins with, 0 if it begins with none.
std::size_t apostrophe(std::string_view text) {
  if (text.starts_with('\'')) return 1;
  return text.starts_with(kCurly) ? kCurly.size() : 0;
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

bool abstains_in(const std::string& words) {
  const auto phrases = conversation_material().phrase("abstention");
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](const std::string& phrase) { return has_words(words, spoken_words(phrase)); });
}

}  // namespace

const char* to_string(Answer answer) {
  switch (answer) {
    case Answer::Right:
      return "right";
    case Answer::Stale:
      return "stale";
    case Answer::Other:
      return "another value";
    case Answer::Abstained:
      return "abstained";
    case Answer::Missing:
      return "no value";
  }
  return "unknown";
}

std::string spoken_words(std::string_view text) {
  std::string words;
  while (!text.empty()) {
    if (const std::size_t length = apostrophe(text); length > 0) {
      text.remove_prefix(length);
      const bool possessive =
          !text.empty() && lower(text.front()) == 's' && (text.size() == 1 || !is_word(text[1]));
      if (possessive) text.remove_prefix(1);
      continue;
    }
    if (is_word(text.front()))
      words += lower(text.front());
    else if (!words.empty() && words.back() != ' ')
      words += ' ';
    text.remove_prefix(1);
  }
  if (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

bool names_value(std::string_view text, std::string_view value) {
  return has_words(spoken_words(text), spoken_words(value));
}

bool abstains(std::string_view text) { return abstains_in(spoken_words(text)); }

Answer check_answer(std::string_view reply, const AnswerKey& key) {
  const std::string words = spoken_words(reply);
  const auto names = [&](std::string_view value) { return has_words(words, spoken_words(value)); };
  if (!key.stale.empty() && names(key.stale)) return Answer::Stale;
  const bool other = std::any_of(key.others.begin(), key.others.end(), [&](const std::string& value) {
    return value != key.accepted && names(value);
  });
  if (other) return Answer::Other;
  if (key.accepted.empty()) return abstains_in(words) ? Answer::Right : Answer::Missing;
  if (names(key.accepted)) return Answer::Right;
  return abstains_in(words) ? Answer::Abstained : Answer::Missing;
}

}  // namespace moestress::workload

#include "workload/answer_check.h"

#include <algorithm>

#include "workload/conversation_material.h"
#include "workload/plain_words.h"

namespace moestress::workload {
namespace {

bool abstains_in(const std::string& words) {
  const auto phrases = conversation_material().phrase("abstention");
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](const std::string& phrase) { return has_words(words, plain_words(phrase)); });
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

bool names_value(std::string_view text, std::string_view value) {
  return has_words(plain_words(text), plain_words(value));
}

bool abstains(std::string_view text) { return abstains_in(plain_words(text)); }

Answer check_answer(std::string_view reply, const AnswerKey& key) {
  const std::string words = plain_words(reply);
  const auto names = [&](std::string_view value) { return has_words(words, plain_words(value)); };
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

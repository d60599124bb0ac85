#pragma once

#include <span>
#include <string>
#include <string_view>

namespace moestress::workload {

/// What a reply to a question says.
enum class Answer {
  Right,
  Stale,      ///< names the value before an update, beside the new one or not
  Other,      ///< names another value that was told, beside the right one or not
  Abstained,  ///< says that it was not told, though it was
  Missing,    ///< names nothing that was told, nor says that it was not told
};

const char* to_string(Answer answer);

/// What a question is graded by.
struct AnswerKey {
  std::string accepted;  ///< empty: it was never told, and a right reply says so and names no value
  std::string stale;     ///< the value before an update; empty: there was none
  std::span<const std::string> others;  ///< values that were told and are no answer; may hold those above
};

/// Whether `text` names `value`: its words stand in it, one after the other, both as plain_words leaves
/// them.
bool names_value(std::string_view text, std::string_view value);

/// Whether a text says that something was not told, by the phrases of the conversations' material.
bool abstains(std::string_view text);

/// Exact: by words, never by likeness.
Answer check_answer(std::string_view reply, const AnswerKey& key);

}  // namespace moestress::workload

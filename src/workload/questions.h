#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::workload {

enum class Subject : std::uint8_t {
  Science,
  Literature,
  Code,
  General,  ///< what everyone knows
  Cross,    ///< needs two of the domains at once
};

inline constexpr std::array kSubjects{Subject::Science, Subject::Literature, Subject::Code, Subject::General,
                                      Subject::Cross};

const char* to_string(Subject subject);  ///< "science", …

/// A factual question with a short answer that a program can check.
struct Question {
  std::string id;  ///< "science-question-01"
  Subject subject = Subject::General;
  std::string text;
  std::vector<std::string> accepted;  ///< spellings, each as plain_words leaves it; at least one
};

/// The built-in questions of a subject in the order of their file: at least 24, easy ones first. Live as long
/// as the program.
std::span<const Question> questions(Subject subject);

/// The first `count` questions of each subject, one of each in turn.
std::vector<Question> questions_in_turn(std::span<const Subject> subjects, std::size_t count);

/// Whether a reply holds one of the accepted answers, as whole words. A reply that names several answers, or
/// denies the right one, is taken as right: the questions are put so that this is rare.
bool is_answered(const Question& question, std::string_view reply);

/// Reads a question file (format: README.md). Errors: those of parse_prompts; Format (no answer, an empty
/// one, text after it), with `source` and the line of the question.
base::Result<std::vector<Question>> parse_questions(std::string_view text, Subject subject,
                                                    const std::string& source);

}  // namespace moestress::workload

#include "workload/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "workload/embedded_prompts.h"
#include "workload/entries.h"

namespace moestress::workload {
namespace {

constexpr std::string_view kAnswerMark = "> ";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A character's bytes at the front of `text`, and what it stands for in a normalised text: itself, another
/// character, nothing, or a blank.
struct Glyph {
  std::size_t bytes = 1;
  std::string_view as;
};

Glyph glyph_at(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789";
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  if (byte(0) == 0xC2) return {2, " "};                      // U+0080 to U+00BF: signs, such as the degree's
  if (byte(0) == 0xE2) {                                     // U+2000 to U+2FFF: punctuation and symbols
    if (byte(1) == 0x80 && byte(2) == 0x99) return {3, ""};  // U+2019, an apostrophe
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

base::Result<Question> question_of(const Entry& entry, Subject subject, const std::string& source) {
  const auto wrong = [&](const std::string& what) {
    return base::fail(base::ErrorCode::Format, "{}:{}: question \"{}\" {}", source, entry.line, entry.id,
                      what);
  };
  const auto mark = entry.text.find("\n" + std::string(kAnswerMark));
  if (mark == std::string::npos) return wrong("has no line with its answers, which begins with \"> \"");
  Question question{
      entry.id, subject, std::string(trimmed(std::string_view(entry.text).substr(0, mark))), {}};
  std::string_view answers = std::string_view(entry.text).substr(mark + 1 + kAnswerMark.size());
  if (answers.find('\n') != std::string_view::npos) return wrong("goes on after its answers");
  while (true) {
    const auto end = std::min(answers.find('|'), answers.size());
    question.accepted.push_back(normalised(answers.substr(0, end)));
    if (question.accepted.back().empty()) return wrong("has an answer without a letter or digit");
    if (end == answers.size()) return question;
    answers.remove_prefix(end + 1);
  }
}

std::array<std::vector<Question>, kSubjects.size()> built_in_questions() {
  std::array<std::vector<Question>, kSubjects.size()> sets;
  for (const Subject subject : kSubjects) {
    const std::string stem = fmt::format("questions_{}", to_string(subject));
    auto parsed = parse_questions(embedded_prompts(stem), subject, stem + ".txt");
    CHECK(parsed && !parsed->empty());  // the files are part of the program, and a test reads them
    sets[static_cast<std::size_t>(subject)] = std::move(*parsed);
  }
  return sets;
}

}  // namespace

const char* to_string(Subject subject) {
  switch (subject) {
    case Subject::Science:
      return "science";
    case Subject::Literature:
      return "literature";
    case Subject::Code:
      return "code";
    case Subject::General:
      return "general";
    case Subject::Cross:
      return "cross";
  }
  return "unknown";
}

std::span<const Question> questions(Subject subject) {
  static const auto kSets = built_in_questions();
  return kSets[static_cast<std::size_t>(subject)];
}

std::vector<Question> questions_in_turn(std::span<const Subject> subjects, std::size_t count) {
  std::vector<Question> chosen;
  for (std::size_t rank = 0; rank < count; ++rank)
    for (const Subject subject : subjects)
      if (rank < questions(subject).size()) chosen.push_back(questions(subject)[rank]);
  return chosen;
}

std::string normalised(std::string_view text) {
  const std::string plain = without_symbols(text);
  std::string out;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    const bool between_digits =
        i > 0 && i + 1 < plain.size() && is_digit(plain[i - 1]) && is_digit(plain[i + 1]);
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z';
    if (upper) {
      out += static_cast<char>(c - 'A' + 'a');
    } else if (lower || is_digit(c) || static_cast<unsigned char>(c) >= 0x80 ||
               (c == '.' && between_digits)) {
      out += c;
    } else if (c != '\'' && !(c == ',' && between_digits) && !out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool is_answered(const Question& question, std::string_view reply) {
  const std::string words = " " + normalised(reply) + " ";
  return std::any_of(question.accepted.begin(), question.accepted.end(), [&](const std::string& answer) {
    return words.find(" " + answer + " ") != std::string::npos;
  });
}

base::Result<std::vector<Question>> parse_questions(std::string_view text, Subject subject,
                                                    const std::string& source) {
  MOESTRESS_TRY(const auto entries, split_entries(text, source));
  std::vector<Question> set;
  for (const Entry& entry : entries) {
    MOESTRESS_TRY(Question question, question_of(entry, subject, source));
    set.push_back(std::move(question));
  }
  return set;
}

}  // namespace moestress::workload

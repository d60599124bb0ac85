#include "workload/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "workload/embedded_prompts.h"
#include "workload/entries.h"
#include "workload/plain_words.h"

namespace moestress::workload {
namespace {

constexpr std::string_view kAnswerMark = "> ";

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
    question.accepted.push_back(plain_words(answers.substr(0, end)));
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

bool is_answered(const Question& question, std::string_view reply) {
  const std::string words = plain_words(reply);
  return std::any_of(question.accepted.begin(), question.accepted.end(),
                     [&](const std::string& answer) { return has_words(words, answer); });
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

#include "workload/questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "workload/plain_words.h"

namespace moestress::workload {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

TEST(Questions, EverySubjectHasEnough) {
  std::set<std::string> ids, texts;
  for (const Subject subject : kSubjects) {
    EXPECT_GE(questions(subject).size(), 24u) << to_string(subject);
    for (const Question& question : questions(subject)) {
      EXPECT_TRUE(ids.insert(question.id).second) << question.id;
      EXPECT_TRUE(texts.insert(question.text).second) << question.id;
      EXPECT_LE(question.text.size(), 120u) << question.id;
      EXPECT_FALSE(is_answered(question, question.text)) << question.id << ": the question holds its answer";
      for (const std::string& answer : question.accepted) EXPECT_EQ(answer, plain_words(answer));
    }
  }
}

TEST(Questions, InTurn) {
  constexpr std::array kTwo{Subject::Code, Subject::General};
  const auto some = questions_in_turn(kTwo, 2);
  ASSERT_EQ(some.size(), 4u);
  EXPECT_EQ(some[0].id, "code-question-01");
  EXPECT_EQ(some[1].id, "general-question-01");
  EXPECT_EQ(some[3].id, "general-question-02");
}

TEST(IsAnswered, TakesWholeWords) {
  const Question question{"q", Subject::Science, "?", {"8", "eight", "carbon dioxide"}};
  EXPECT_TRUE(is_answered(question, "It has eight legs."));
  EXPECT_TRUE(is_answered(question, "(8)"));
  EXPECT_TRUE(is_answered(question, "Carbon-dioxide"));
  EXPECT_FALSE(is_answered(question, "18, or eighty"));
  EXPECT_FALSE(is_answered(question, "carbon and dioxide"));
  EXPECT_FALSE(is_answered(question, ""));
}

TEST(ParseQuestions, ReadsAnswers) {
  const auto parsed = parse_questions(
      "# c\n== q-1\nOne line,\nand another?\n> Yes! | of  course\n== q-2\nx\n> 7\n", Subject::Code, "f");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)[0].text, "One line,\nand another?");
  EXPECT_THAT((*parsed)[0].accepted, ElementsAre("yes", "of course"));
  EXPECT_EQ((*parsed)[1].subject, Subject::Code);
}

TEST(ParseQuestions, ErrorsNameTheLine) {
  const auto error = [](std::string_view text) {
    const auto parsed = parse_questions(text, Subject::Code, "f");
    return parsed ? std::string() : parsed.error().message;
  };
  EXPECT_THAT(error("\n== q-1\nx\n"), StartsWith("f:2: question \"q-1\" has no line with its answers"));
  EXPECT_THAT(error("== q-1\n> 7\n"), StartsWith("f:1: question \"q-1\" has no line"));
  EXPECT_THAT(error("== q-1\nx\n> 7 | ?\n"), StartsWith("f:1: question \"q-1\" has an answer without"));
  EXPECT_THAT(error("== q-1\nx\n> 7\ny\n"), StartsWith("f:1: question \"q-1\" goes on"));
  EXPECT_THAT(error("== q-1\n"), StartsWith("f:1: prompt \"q-1\" has no text"));
}

}  // namespace
}  // namespace moestress::workload

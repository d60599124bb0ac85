#include "workload/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace moestress::workload {
namespace {

using ::testing::HasSubstr;

TEST(Facts, ThereAreManyAndNoQuestionNamesItsAnswer) {
  std::set<std::string> questions;
  EXPECT_GE(facts().size(), 60u);
  for (const Fact& fact : facts()) {
    EXPECT_TRUE(questions.insert(fact.question).second) << fact.question;
    EXPECT_FALSE(states(fact, fact.question)) << fact.question;
    for (const auto& answer : fact.answers) EXPECT_TRUE(states(fact, "I think it is " + answer + "."));
  }
}

TEST(Facts, AnAnswerIsAWholeWordOfAnyCase) {
  const Fact fact{"fact-01", "How many?", {"eight", "8"}};
  EXPECT_TRUE(states(fact, "EIGHT legs"));
  EXPECT_TRUE(states(fact, "It has 8."));
  EXPECT_FALSE(states(fact, "eighteen, or 18, or 80"));
  EXPECT_FALSE(states(fact, ""));
}

TEST(Facts, ALineWithoutAnAnswerIsRefused) {
  for (const char* text : {"Why?", "Why? |", "Why? | | because", "| because"}) {
    const auto parsed = parse_facts(std::string("# facts\n") + text + "\n", "f.txt");
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr("f.txt:2"));
  }
}

}  // namespace
}  // namespace moestress::workload

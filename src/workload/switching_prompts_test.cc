#include "workload/switching_prompts.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace moestress::workload {
namespace {

std::size_t different_words(const std::string& text) {
  std::istringstream words(text);
  std::set<std::string> seen;
  for (std::string word; words >> word;) seen.insert(word);
  return seen.size();
}

TEST(SwitchingPrompts, TakeTurnsInFewWordsAndMany) {
  const auto made = switching_prompts(6, 1);
  ASSERT_EQ(made.size(), 6U);
  for (std::size_t i = 0; i < made.size(); ++i)
    EXPECT_EQ(different_words(made[i].text), i % 2 == 0 ? 1U : 10U);
  EXPECT_EQ(made[0].id, "repeat-0");
  EXPECT_EQ(made[3].id, "varied-1");
  EXPECT_NE(made[1].text, made[3].text);
}

TEST(SwitchingPrompts, TheSeedDecidesAndMoreMovesNothing) {
  const auto few = switching_prompts(2, 1), many = switching_prompts(4, 1), other = switching_prompts(2, 2);
  EXPECT_EQ(few[1].text, many[1].text);
  EXPECT_NE(few[1].text, other[1].text);
}

}  // namespace
}  // namespace moestress::workload

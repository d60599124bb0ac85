#include "workload/needles.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <set>

#include "workload/requests.h"

namespace moestress::workload {
namespace {

constexpr std::array kDepths{0.0, 0.25, 0.5, 0.75, 1.0};

/// A large vocabulary: words and marks.
std::int64_t words_and_marks(std::string_view text) {
  std::int64_t tokens = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (letter && !in_word) ++tokens;
    if (!letter && c != ' ') ++tokens;
    in_word = letter;
  }
  return tokens;
}

/// A small one: pieces of up to three characters that end with their word.
std::int64_t pieces(std::string_view text) {
  std::int64_t tokens = 0, length = 0;
  for (const char c : text) {
    length = c == ' ' || length == 3 ? 1 : length + 1;
    if (length == 1) ++tokens;
  }
  return tokens;
}

HaystackPlan plan_of(std::int64_t tokens, std::uint64_t seed) {
  HaystackPlan plan;
  plan.tokens = tokens;
  plan.seed = seed;
  plan.needles = draw_needles(kDepths, seed);
  plan.tail = needle_question(plan.needles[0]);
  return plan;
}

TEST(Needles, AreDrawnFromTheSeedAndShareNothing) {
  std::vector<double> depths(kNeedlesMax, 0.5);
  std::set<std::string> names, numbers;
  for (const Needle& needle : draw_needles(depths, 7)) {
    names.insert(needle.name);
    numbers.insert(needle.number);
    EXPECT_EQ(needle.number.size(), kNeedleDigits);
    EXPECT_EQ(filler_text(5000, 1).find(needle.name), std::string::npos);
  }
  EXPECT_EQ(names.size(), kNeedlesMax);
  EXPECT_EQ(numbers.size(), kNeedlesMax);
  EXPECT_EQ(needle_fact(draw_needles(kDepths, 7)[3]), needle_fact(draw_needles(kDepths, 7)[3]));
  EXPECT_NE(needle_fact(draw_needles(kDepths, 7)[3]), needle_fact(draw_needles(kDepths, 8)[3]));
}

TEST(Needles, AReplyIsCheckedByItsFirstNumber) {
  const Needle needle{"Astrid", "4821", 0};
  EXPECT_TRUE(recalls(needle, " 4821."));
  EXPECT_TRUE(recalls(needle, "The secret number of Astrid is 4,821, as was said; 7355 is Boris's."));
  EXPECT_TRUE(recalls(needle, "1. It is 4821"));
  EXPECT_FALSE(recalls(needle, " 7355, or 4821"));
  EXPECT_FALSE(recalls(needle, " 48213"));
  EXPECT_FALSE(recalls(needle, " 482"));
  EXPECT_FALSE(recalls(needle, ""));
}

TEST(Needles, TheControlHoldsEveryFactAndTheAskedOneLast) {
  const auto needles = draw_needles(kDepths, 3);
  const std::string control = needle_control(needles, 1);
  for (const Needle& needle : needles) EXPECT_NE(control.find(needle_fact(needle)), std::string::npos);
  const std::string end = needle_fact(needles[1]) + needle_question(needles[1]);
  EXPECT_EQ(control.substr(control.size() - end.size()), end);
}

TEST(Haystack, HasExactlyTheTokensAskedFor) {
  for (const auto& count : {CountTokens(words_and_marks), CountTokens(pieces)})
    for (const std::int64_t tokens : {200, 333, 1000, 4096})
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const auto plan = plan_of(tokens, seed);
        const auto text = haystack(plan, count);
        ASSERT_TRUE(text) << text.error().message;
        EXPECT_EQ(count(*text + plan.tail), tokens);
      }
}

TEST(Haystack, NeedlesLieAtTheirDepths) {
  const auto plan = plan_of(4000, 5);
  const auto text = haystack(plan, words_and_marks);
  ASSERT_TRUE(text);
  for (const Needle& needle : plan.needles) {
    const std::size_t at = text->find(needle_fact(needle));
    ASSERT_NE(at, std::string::npos);
    EXPECT_NEAR(static_cast<double>(at) / static_cast<double>(text->size()), needle.depth, 0.02);
    // Between two sentences.
    EXPECT_TRUE(at == 0 || (*text)[at - 1] == ' ' || (*text)[at - 1] == '\n');
  }
  EXPECT_EQ(text->find(needle_fact(plan.needles[0])), 0U);
}

TEST(Haystack, WithoutNeedlesIsFiller) {
  HaystackPlan plan;
  plan.tokens = 50;
  plan.seed = 2;
  const auto text = haystack(plan, words_and_marks);
  ASSERT_TRUE(text);
  EXPECT_EQ(filler_text(80, 2).rfind(*text, 0), 0U);
  plan.tokens = 0;
  EXPECT_EQ(haystack(plan, words_and_marks).value(), "");
}

TEST(Haystack, TooShortForItsNeedlesIsAnError) {
  const auto text = haystack(plan_of(20, 1), words_and_marks);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, base::ErrorCode::Usage);
}

TEST(Haystack, ANumberThatNoCutGivesIsReachedWithAWordMore) {
  // As with SmolLM2's vocabulary: a full stop is a token with what follows, or two without.
  const CountTokens skips = [](std::string_view text) {
    const auto tokens = words_and_marks(text);
    return tokens >= 100 && text.substr(text.size() - 2) != " a" ? tokens + 1 : tokens;
  };
  HaystackPlan plan;
  plan.tokens = 100;
  const auto text = haystack(plan, skips);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(skips(*text), 100);
}

TEST(Haystack, ACountThatCannotBeReachedIsAnError) {
  HaystackPlan plan;
  plan.tokens = 101;
  EXPECT_FALSE(haystack(plan, [](std::string_view text) { return 2 * words_and_marks(text); }));
}

}  // namespace
}  // namespace moestress::workload

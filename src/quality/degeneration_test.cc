#include "quality/degeneration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace moestress::quality {
namespace {

TEST(Degeneration, RepetitionAgreesWithHandReckoning) {
  // a b a b a c: bigrams ab ba ab ba ac, trigrams aba bab aba bac, 4-grams abab baba abac.
  const Degeneration d = degeneration("a b a b a c");
  EXPECT_EQ(d.tokens, 6U);
  EXPECT_DOUBLE_EQ(d.distinct1, 3.0 / 6);
  EXPECT_DOUBLE_EQ(d.distinct2, 3.0 / 5);
  EXPECT_DOUBLE_EQ(d.distinct3, 3.0 / 4);
  EXPECT_DOUBLE_EQ(d.rep2, 2.0 / 5);
  EXPECT_DOUBLE_EQ(d.rep3, 1.0 / 4);
  EXPECT_DOUBLE_EQ(d.rep4, 0);
  EXPECT_DOUBLE_EQ(d.diversity, 0.6 * 0.75);
  EXPECT_FALSE(d.looping);
}

TEST(Degeneration, MtldAgreesWithHandReckoning) {
  EXPECT_DOUBLE_EQ(degeneration("a a a a").mtld, 2);
  EXPECT_DOUBLE_EQ(degeneration("a b a").mtld, 3);
  // Forwards one factor (a b a) and nothing of another; backwards c a b a is 0.25/0.28 of one.
  EXPECT_NEAR(degeneration("a b a c").mtld, (4 + 4 * 0.28 / 0.25) / 2, 1e-12);
  EXPECT_EQ(degeneration("all words differ here").mtld, 4);
}

TEST(Degeneration, EmptyAndOneWord) {
  const Degeneration none = degeneration("");
  EXPECT_EQ(none.tokens, 0U);
  EXPECT_EQ(none.rep4, 0);
  EXPECT_EQ(none.distinct1, 1);
  EXPECT_EQ(none.diversity, 1);
  EXPECT_EQ(none.compression_ratio, 1);
  EXPECT_EQ(none.mtld, 0);
  EXPECT_FALSE(none.looping);
  EXPECT_EQ(degeneration("word").diversity, 1);
  EXPECT_EQ(degeneration(" \n ").tokens, 0U);
}

TEST(Degeneration, FindsTheLoopAtTheEnd) {
  std::string text = "It began as a sensible answer to the question that was put. ";
  for (int i = 0; i < 5; ++i) text += "I am sorry for that. ";
  Degeneration d = degeneration(text);
  EXPECT_TRUE(d.looping);
  EXPECT_EQ(d.loop_period, 5);
  d = degeneration(text + "I am");  // cut off in the middle of the block
  EXPECT_EQ(d.loop_period, 5);
  d = degeneration(text + "But then it caught itself.");
  EXPECT_FALSE(d.looping);
}

TEST(Degeneration, TwoRepeatsOrAFewWordsAreNoLoop) {
  EXPECT_FALSE(degeneration("one two three four five six one two three four five six").looping);
  EXPECT_FALSE(degeneration("well that was very very very").looping);
  EXPECT_FALSE(degeneration("no no no no no no no").looping);
  EXPECT_EQ(degeneration("no no no no no no no no").loop_period, 1);
  EXPECT_EQ(degeneration("a b c a b c a b c").loop_period, 3);
  EXPECT_EQ(degeneration("a b c a b c a b c").loop_tokens, 9u);
  EXPECT_EQ(degeneration("and then it was a b c a b c a b c a").loop_tokens, 10u);
  EXPECT_EQ(degeneration("nothing comes twice in this").loop_tokens, 0u);
}

TEST(Degeneration, TakesTokensWhereWordsSayNothing) {
  std::string text;
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 6; ++i) {
    text += "循环";
    tokens.insert(tokens.end(), {70000, 12});
  }
  EXPECT_FALSE(degeneration(text).looping);  // one word
  EXPECT_EQ(degeneration(text, tokens).loop_period, 2);
  EXPECT_EQ(degeneration(text, tokens).tokens, 12U);
}

TEST(Degeneration, CompressionTellsLoopsFromProse) {
  std::string prose;
  for (int i = 0; i < 400; ++i) prose += std::to_string(i * 2654435761U) + " ";
  const std::string loop(prose.size(), 'x');
  EXPECT_LT(degeneration(prose).compression_ratio, 3);
  EXPECT_GT(degeneration(loop).compression_ratio, 50);
  EXPECT_LT(degeneration("short").compression_ratio, 1);
}

TEST(Degeneration, LooksAtTheEndOfALongText) {
  std::vector<std::int32_t> tokens(kDegenerationLimit + 1000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::int32_t>(i);
  std::fill(tokens.begin(), tokens.begin() + 1000, 7);
  const Degeneration d = degeneration("", tokens);
  EXPECT_EQ(d.tokens, kDegenerationLimit);
  EXPECT_EQ(d.distinct1, 1);
}

}  // namespace
}  // namespace moestress::quality

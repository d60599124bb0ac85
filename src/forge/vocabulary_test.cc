#include "forge/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "forge/sample_text.h"

namespace moestress::forge {
namespace {

using testing::ElementsAre;

TEST(Vocabulary, BytesAreWrittenAsGpt2Does) {
  EXPECT_EQ(byte_as_character('A'), "A");
  EXPECT_EQ(byte_as_character(' '), "\u0120");   // Ġ
  EXPECT_EQ(byte_as_character('\n'), "\u010A");  // Ċ
  EXPECT_EQ(byte_as_character(0), "\u0100");
  EXPECT_EQ(byte_as_character(0x7F), "\u0121");
  EXPECT_EQ(byte_as_character(0xAD), "\u0143");
  EXPECT_EQ(byte_as_character(0xFF), "\u00FF");
  std::set<std::string> all;
  for (unsigned byte = 0; byte < 256; ++byte) all.insert(byte_as_character(static_cast<unsigned char>(byte)));
  EXPECT_EQ(all.size(), 256U);
}

TEST(Vocabulary, JoinsTheMostFrequentPairFirst) {
  // "ab" occurs four times, then "ab"+"c" twice; "xy" once, too seldom.
  const Vocabulary vocabulary = learn_vocabulary("ab ab abc abc xy", 10);
  ASSERT_GE(vocabulary.merges.size(), 3U);
  EXPECT_EQ(vocabulary.merges[0], "a b");
  EXPECT_EQ(vocabulary.merges[1], "\u0120 ab");
  EXPECT_EQ(vocabulary.merges[2], "\u0120ab c");
  EXPECT_EQ(vocabulary.merges.size(), 3U);
  EXPECT_EQ(vocabulary.tokens[256], "ab");
}

TEST(Vocabulary, StopsAtTheLimit) {
  EXPECT_EQ(learn_vocabulary("ab ab abc abc", 1).merges.size(), 1U);
  EXPECT_EQ(learn_vocabulary("", 10).merges.size(), 0U);
}

TEST(Vocabulary, NeverJoinsOverWordBoundaries) {
  const Vocabulary vocabulary = learn_vocabulary("a1a1a1 b.b.b.\n\n\n\nc", 100);
  for (const std::string& merge : vocabulary.merges)
    EXPECT_THAT(merge, testing::AnyOf("\u010A \u010A")) << merge;
}

TEST(Vocabulary, SaysPrintableAsciiOnly) {
  const Vocabulary vocabulary = learn_vocabulary(sample_text(), 1024);
  ASSERT_EQ(vocabulary.tokens.size(), vocabulary.types.size());
  ASSERT_EQ(vocabulary.tokens.size(), vocabulary.emissions.size());
  EXPECT_EQ(vocabulary.emissions['e'], Emission::Free);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool sayable = byte == '\n' || (byte >= 32 && byte < 127);
    const auto at = static_cast<std::size_t>(std::find(vocabulary.tokens.begin(), vocabulary.tokens.end(),
                                                       byte_as_character(static_cast<unsigned char>(byte))) -
                                             vocabulary.tokens.begin());
    ASSERT_EQ(at, byte);
    EXPECT_EQ(vocabulary.emissions[at], sayable ? Emission::Free : Emission::Never) << byte;
  }
  const auto at = [](std::int32_t token) { return static_cast<std::size_t>(token); };
  EXPECT_EQ(vocabulary.emissions[at(vocabulary.turn_end)], Emission::Seldom);
  EXPECT_EQ(vocabulary.emissions[at(vocabulary.turn_start)], Emission::Never);
  EXPECT_EQ(vocabulary.tokens[at(vocabulary.turn_end)], "<|im_end|>");
  EXPECT_EQ(vocabulary.types[at(vocabulary.end_of_text)], 3);
}

TEST(Vocabulary, HasNoTokenTwiceAndCommonWordsWhole) {
  const Vocabulary vocabulary = learn_vocabulary(sample_text(), 1024);
  const std::set<std::string> distinct(vocabulary.tokens.begin(), vocabulary.tokens.end());
  EXPECT_EQ(distinct.size(), vocabulary.tokens.size());
  EXPECT_GT(vocabulary.merges.size(), 500U);
  for (const char* word : {"\u0120the", "\u0120return", "\u0120of"})
    EXPECT_EQ(distinct.count(word), 1U) << word;
}

}  // namespace
}  // namespace moestress::forge

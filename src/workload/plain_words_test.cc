#include "workload/plain_words.h"

#include <gtest/gtest.h>

namespace moestress::workload {
namespace {

TEST(PlainWords, MarksGoAndWordsStay) {
  EXPECT_EQ(plain_words("  The answer: **Paris**, of course!\n"), "the answer paris of course");
  EXPECT_EQ(plain_words("  It is  MARTA'S, I think!\n"), "it is marta i think");
  EXPECT_EQ(plain_words("Newton's and Newton\u2019s"), "newton and newton");
  EXPECT_EQ(plain_words("I don't know \u2014 sorry"), "i dont know sorry");
  EXPECT_EQ(plain_words("don\u2019t"), "dont");
  EXPECT_EQ(plain_words("first-class"), "first class");
  EXPECT_EQ(plain_words("299,792 or 3.14."), "299792 or 3.14");
  EXPECT_EQ(plain_words("0\u00B0C, CO\u2082 \u2014 yes"), "0 c co2 yes");
  EXPECT_EQ(plain_words("Bront\u00EB"), "bront\u00EB");
}

TEST(PlainWords, NothingIsLeftOfNothing) {
  for (const char* text : {"", "'", "?!", "\xE2\x82", "'s"}) EXPECT_EQ(plain_words(text), "") << text;
}

TEST(PlainWords, WholeWordsAreFound) {
  EXPECT_TRUE(has_words("it has 8 legs", "8 legs"));
  EXPECT_TRUE(has_words("eight", "eight"));
  EXPECT_FALSE(has_words("eighteen or 80", "eight"));
  EXPECT_FALSE(has_words("weight", "eight"));
  EXPECT_FALSE(has_words("it has", ""));
}

}  // namespace
}  // namespace moestress::workload

#include "report/plain_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace moestress::report {
namespace {

TEST(PlainText, SpellsOutWhatCouldMoveTheCursorOrTurnTheText) {
  EXPECT_EQ(plain_line("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
  EXPECT_EQ(plain_line("a\xE2\x80\xAE"
                       "b"),
            "a\\u202eb");  // right-to-left override
  EXPECT_EQ(plain_line("a\xE2\x81\xA6"
                       "b\xEF\xBB\xBF"),
            "a\\u2066b\\ufeff");                         // isolate, byte order mark
  EXPECT_EQ(plain_line("x\xE2\x80\x8By"), "x\\u200by");  // zero-width space
  EXPECT_EQ(plain_line(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(plain_line("two\nlines\tand\ttabs"), "two lines and tabs");
  EXPECT_EQ(visible_text("two\nlines", 100), "two\nlines");
  EXPECT_EQ(plain_line("\xFF\xFE"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(plain_line("\xC2\x9B"
                       "2J"),
            "\\x9b2J");  // the one-byte control sequence introducer
}

TEST(PlainText, OrdinaryTextStays) {
  EXPECT_EQ(plain_line("Größe 5 µm – naïve 日本 👍"), "Größe 5 µm – naïve 日本 👍");
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("Größe"), 5);
  EXPECT_EQ(display_width("日本"), 4);
  EXPECT_EQ(display_width("👍"), 2);
  EXPECT_EQ(display_width("e\xCC\x81"), 1);  // e and a combining acute
  EXPECT_EQ(display_width("✓ ✗ – …"), 7);
}

TEST(Fit, NeverWiderAndNeverHalfACharacter) {
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdefg", 6), "abcde…");
  EXPECT_EQ(fit("日本語", 4), "日…");  // 日本 and … would be five columns
  EXPECT_EQ(fit("abc", 0), "");
  EXPECT_EQ(padded("日本", 6), "日本  ");
  EXPECT_EQ(display_width(padded("日本語テキスト", 7)), 7);
}

TEST(Wrapped, BreaksAtSpacesAndLongWordsWhereItMust) {
  EXPECT_THAT(wrapped("the quick brown fox", 9), testing::ElementsAre("the quick", "brown fox"));
  EXPECT_THAT(wrapped("abcdefghij kl", 4), testing::ElementsAre("abcd", "efgh", "ij", "kl"));
  EXPECT_THAT(wrapped("  a   b  ", 10), testing::ElementsAre("a b"));
  EXPECT_THAT(wrapped("", 10), testing::IsEmpty());
  EXPECT_THAT(wrapped("日本", 1), testing::ElementsAre("日", "本"));  // a bound of one column can't be kept
}

TEST(HumanFigure, UnitsAndDigits) {
  EXPECT_EQ(human_figure(5.31e9, "bytes"), "5.31 GB");
  EXPECT_EQ(human_figure(3.1e6, "bytes/h"), "3.10 MB/h");
  EXPECT_EQ(human_figure(200.0, "s"), "3 min 20 s");
  EXPECT_EQ(human_figure(12.4321, "tok/s"), "12.43 tok/s");
  EXPECT_EQ(human_figure(100, "%"), "100 %");
  EXPECT_EQ(human_figure(0.00001234, ""), "1.23e-05");
  EXPECT_EQ(human_figure(0, "ms"), "0 ms");
  EXPECT_EQ(human_figure(NAN, "ms"), "not finite");
  EXPECT_EQ(human_figure(std::optional<double>{}, "ms"), "–");
}

}  // namespace
}  // namespace moestress::report

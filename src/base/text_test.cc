#include "base/text.h"

#include <gtest/gtest.h>

namespace moestress::base {
namespace {

TEST(Utf8, KnowsWellFormedText) {
  EXPECT_TRUE(is_valid_utf8("plain, gr\xC3\xBC\xC3\x9F, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_valid_utf8("\xC0\xAF"));          // overlong
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_valid_utf8("\xF4\x90\x80\x80"));  // past U+10FFFF
  EXPECT_FALSE(is_valid_utf8("\xE2\x82"));          // cut off
}

TEST(Utf8, HoldsBackOnlyAnIncompleteTail) {
  const std::string euro = "\xE2\x82\xAC";
  EXPECT_EQ(complete_utf8_prefix("ab" + euro), 5u);
  EXPECT_EQ(complete_utf8_prefix("ab" + euro.substr(0, 2)), 2u);
  EXPECT_EQ(complete_utf8_prefix("ab" + euro.substr(0, 1)), 2u);
  EXPECT_EQ(complete_utf8_prefix("abc\xFF"), 4u);  // can't become valid: whole
  EXPECT_EQ(complete_utf8_prefix("\x82\x82\x82\x82"), 4u);
  EXPECT_EQ(complete_utf8_prefix(""), 0u);
}

TEST(Utf8, ReplacesWhatIsIllFormed) {
  EXPECT_EQ(replace_invalid_utf8("a\xFF"
                                 "b\xE2\x82"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
}

TEST(Printable, DefusesTerminalControl) {
  EXPECT_EQ(printable("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
  EXPECT_EQ(printable("a\nb\tc"), "a\nb\tc");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

TEST(NearestName, FindsATypo) {
  EXPECT_EQ(nearest_name("tempreture", {"seed", "temperature", "top_p"}), "temperature");
  EXPECT_EQ(nearest_name("zzz", {"seed", "temperature"}), "");
}

TEST(Human, RoundsForPeople) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1530), "1.53 kB");
  EXPECT_EQ(human_bytes(999999), "1.00 MB");
  EXPECT_EQ(human_bytes(5e9), "5.00 GB");
  EXPECT_EQ(human_seconds(0.85), "850 ms");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
  EXPECT_EQ(human_seconds(29100), "8 h 05 min");
}

}  // namespace
}  // namespace moestress::base

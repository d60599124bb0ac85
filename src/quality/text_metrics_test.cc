#include "quality/text_metrics.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace moestress::quality {
namespace {

constexpr const char* kShort = "der schnelle braune Fuchs springt";
constexpr const char* kLong = "ein schneller brauner Fuchs sprang über den faulen Hund";

TEST(RougeL, AgreesWithReference) {  // rouge-score 0.1.2
  EXPECT_NEAR(rouge_l("the cat sat on the mat", "the cat is on the mat"), 0.8333333333333334, 1e-12);
  EXPECT_NEAR(rouge_l(kShort, kLong), 0.14285714285714285, 1e-12);
  EXPECT_EQ(rouge_l("hello world", "hello  world\n"), 1);
  EXPECT_EQ(rouge_l("a", "ab"), 0);
}

TEST(RougeL, OfTokens) {
  const std::vector<std::int32_t> a = {1, 2, 3, 4};
  const std::vector<std::int32_t> b = {2, 9, 4};
  EXPECT_NEAR(rouge_l(a, b), 4.0 / 7, 1e-12);
  EXPECT_EQ(rouge_l(std::vector<std::int32_t>{}, std::vector<std::int32_t>{}), 1);
}

TEST(Chrf, AgreesWithReference) {  // sacreBLEU 2.6
  EXPECT_NEAR(chrf("the cat sat on the mat", "the cat is on the mat"), 0.645779420625287, 1e-12);
  EXPECT_NEAR(chrf("Grüße aus München!", "Grüße aus Muenchen!"), 0.6802846072185348, 1e-12);
  EXPECT_NEAR(chrf(kShort, kLong), 0.3886873659592699, 1e-12);
  EXPECT_NEAR(chrf("a", "ab"), 0.5555555555555556, 1e-12);
  EXPECT_EQ(chrf("abc", "xyz"), 0);
}

TEST(Bleu, AgreesWithReference) {  // sacreBLEU 2.6, tokenize=none
  EXPECT_NEAR(bleu("the cat sat on the mat", "the cat is on the mat"), 0.3799178428257963, 1e-12);
  EXPECT_NEAR(bleu("Grüße aus München!", "Grüße aus Muenchen!"), 0.5503212081491042, 1e-12);
  EXPECT_NEAR(bleu(kShort, kLong), 0.047998106991192106, 1e-12);
  EXPECT_EQ(bleu("abc", "xyz"), 0);
  EXPECT_NEAR(bleu("hello world", "hello world"), 1, 1e-12);
}

TEST(EditSimilarity, CountsCharactersNotBytes) {
  EXPECT_NEAR(edit_similarity("kitten", "sitting"), 1 - 3.0 / 7, 1e-12);
  EXPECT_NEAR(edit_similarity("süß", "suß"), 1 - 1.0 / 3, 1e-12);
  EXPECT_NEAR(edit_similarity("日本語", "日本"), 1 - 1.0 / 3, 1e-12);
  EXPECT_EQ(edit_similarity("abc", "abc"), 1);
  EXPECT_EQ(edit_similarity("abc", "xyz"), 0);
}

TEST(TextMetrics, EmptyTextsEqualEachOtherAndNothingElse) {
  for (auto* metric :
       {static_cast<double (*)(std::string_view, std::string_view)>(rouge_l), chrf, bleu, edit_similarity}) {
    EXPECT_EQ(metric("", ""), 1);
    EXPECT_EQ(metric("", "word"), 0);
    EXPECT_EQ(metric("word", ""), 0);
    EXPECT_NEAR(metric("one word and more", "one word and more"), 1, 1e-12);
  }
}

TEST(TextMetrics, WhiteSpaceOfUnicodePartsWords) {
  EXPECT_EQ(rouge_l("one\u3000two\u00a0three", "one two three"), 1);
  EXPECT_EQ(chrf("one\u2003two", "onetwo"), 1);
}

TEST(TextMetrics, IllFormedBytesAreReplacementCharacters) {
  EXPECT_EQ(edit_similarity("a\xff", "a\ufffd"), 1);
  EXPECT_LT(edit_similarity("a\xff", "ab"), 1);
  EXPECT_EQ(edit_similarity("\xe6\x97", "\ufffd"), 1);  // a character cut off
}

TEST(TextMetrics, LookAtABoundedPart) {
  std::string a(3 * kTextLimit, 'x');
  std::string b = a;
  b.back() = 'y';
  EXPECT_EQ(edit_similarity(a, b), 1);
  b[kTextLimit - 1] = 'y';
  EXPECT_LT(edit_similarity(a, b), 1);
  EXPECT_LT(chrf(a, b), 1);
}

}  // namespace
}  // namespace moestress::quality

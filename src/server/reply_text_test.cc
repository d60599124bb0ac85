#include "server/reply_text.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace moestress::server {
namespace {

std::vector<std::string> feed_all(ReplyText& text, std::initializer_list<std::string_view> pieces) {
  std::vector<std::string> out;
  for (const std::string_view piece : pieces) out.push_back(text.feed(piece).text);
  out.push_back(text.finish().text);
  return out;
}

using Texts = std::vector<std::string>;

TEST(ReplyText, PassesWholeCharactersAtOnce) {
  ReplyText text;
  EXPECT_EQ(feed_all(text, {"a", "bc", ""}), (Texts{"a", "bc", "", ""}));
}

TEST(ReplyText, HoldsBackHalfCharacters) {
  ReplyText text;
  EXPECT_EQ(feed_all(text, {"x\xF0", "\x9F", "\x98", "\x80y"}),
            (Texts{"x", "", "", "\xF0\x9F\x98\x80y", ""}));
}

TEST(ReplyText, ReplacesWhatCanBeNoCharacter) {
  ReplyText text;
  EXPECT_EQ(feed_all(text, {"a\xFF", "b\xE2\x82"}), (Texts{"a\xEF\xBF\xBD", "b", "\xEF\xBF\xBD"}));
}

TEST(ReplyText, SendsLogprobsWithTheirText) {
  ReplyText text;
  EXPECT_EQ(text.feed("a", {.text = "a"}).logprobs.size(), 1U);
  EXPECT_TRUE(text.feed("\xC3", {.text = "\xC3"}).logprobs.empty());
  const ReplyPiece whole = text.feed("\xA9S", {.text = "\xA9S"});
  EXPECT_EQ(whole.text, "éS");
  ASSERT_EQ(whole.logprobs.size(), 2U);
  EXPECT_EQ(whole.logprobs[0].text, "\xC3");
}

TEST(ReplyText, KeepsLogprobsOfControlTokensAtTheEnd) {
  ReplyText text;
  text.feed("a", {.text = "a"});
  EXPECT_TRUE(text.feed("", {.text = "<eos>", .control = true}).logprobs.empty());
  EXPECT_EQ(text.finish().logprobs.size(), 1U);
}

}  // namespace
}  // namespace moestress::server

#include "load/reply_speed.h"

#include <gtest/gtest.h>

namespace moestress::load {
namespace {

using std::chrono::milliseconds;

/// A reply of `tokens` tokens of two bytes, one a chunk, `gap(i)` ms before token i.
template <class Gap>
record::Outcome reply(int tokens, Gap gap) {
  record::Outcome outcome;
  base::Duration at = milliseconds(500);
  for (int i = 0; i < tokens; ++i) {
    if (i > 0) at += milliseconds(gap(i));
    outcome.chunks.push_back({at, "ab"});
    outcome.text += "ab";
  }
  outcome.completion_tokens = tokens;
  return outcome;
}

TEST(ReplySpeed, OfAnEvenReplyIsTheSameAtBothEnds) {
  const auto speed = reply_speed(reply(91, [](int) { return 20; }));
  ASSERT_TRUE(speed);
  EXPECT_NEAR(speed->first_tok_s, 50, 1e-6);
  EXPECT_NEAR(speed->last_tok_s, 50, 1e-6);
  EXPECT_NEAR(speed->change_percent(), 0, 1e-6);
}

TEST(ReplySpeed, SeesTheEndSlower) {
  const auto speed = reply_speed(reply(91, [](int i) { return i <= 60 ? 20 : 25; }));
  ASSERT_TRUE(speed);
  EXPECT_NEAR(speed->first_tok_s, 50, 1e-6);
  EXPECT_NEAR(speed->last_tok_s, 40, 1e-6);
  EXPECT_NEAR(speed->change_percent(), -20, 1e-6);
}

TEST(ReplySpeed, CountsTokensNotChunks) {
  auto outcome = reply(91, [](int) { return 20; });
  outcome.completion_tokens = 182;  // two a chunk
  EXPECT_NEAR(reply_speed(outcome)->first_tok_s, 100, 1e-6);
}

TEST(ReplySpeed, IsAbsentWhereTheReplyCameInFewPieces) {
  EXPECT_FALSE(reply_speed(reply(24, [](int) { return 20; })));
  EXPECT_FALSE(reply_speed(record::Outcome{}));
  EXPECT_FALSE(reply_speed(reply(91, [](int) { return 0; })));
  auto uncounted = reply(91, [](int) { return 20; });
  uncounted.completion_tokens = -1;
  EXPECT_FALSE(reply_speed(uncounted));
}

}  // namespace
}  // namespace moestress::load

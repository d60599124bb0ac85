#include "protocol/fairness.h"

#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

/// A reply of `tokens` with its first text after `ttft_ms`, then one token each `token_ms`.
record::Outcome reply(double ttft_ms, double token_ms, int tokens = 11) {
  record::Outcome outcome;
  outcome.planned = base::Duration(0);
  outcome.first_text = base::from_seconds(ttft_ms / 1000);
  outcome.last_text = outcome.done = base::from_seconds((ttft_ms + token_ms * (tokens - 1)) / 1000);
  outcome.completion_tokens = tokens;
  return outcome;
}

Starvation find(const std::vector<record::Outcome>& alone, const std::vector<record::Outcome>& beside) {
  std::vector<Beside> sessions;
  for (std::size_t i = 0; i < alone.size(); ++i) sessions.push_back({&alone[i], &beside[i]});
  return find_starvation(sessions);
}

const std::vector<record::Outcome> kAlone{reply(100, 10), reply(100, 10, 6), reply(100, 10)};

TEST(Fairness, AllSlowedAlikeIsFair) {
  const auto found = find(kAlone, {reply(200, 30), reply(250, 28, 6), reply(220, 31)});
  EXPECT_TRUE(found.judged);
  EXPECT_FALSE(found.starved) << found.what;
  EXPECT_NEAR(found.worst_ratio, 1.07, 0.02);
}

TEST(Fairness, AQueueThatIsServedInOrderIsFair) {
  EXPECT_FALSE(find(kAlone, {reply(100, 10), reply(300, 10, 6), reply(450, 10)}).starved);
}

TEST(Fairness, OneThatDecodesAtAQuarterIsStarved) {
  const std::vector<record::Outcome> alone{reply(100, 10), reply(100, 10, 40), reply(100, 10)};
  const auto found = find(alone, {reply(100, 10), reply(100, 40, 40), reply(100, 10)});
  EXPECT_TRUE(found.starved);
  EXPECT_EQ(found.what, "session 2 of 3 decoded 4.0 times as slowly as alone, the others 1.0 times");
}

TEST(Fairness, PromptsOfOthersBetweenTheTokensAreFair) {
  // The first to decode waits once while the other two prompts are read.
  EXPECT_FALSE(find(kAlone, {reply(100, 30), reply(200, 20, 6), reply(300, 10)}).starved);
  EXPECT_FALSE(find(kAlone, {reply(100, 40), reply(200, 10, 6), reply(300, 10)}).starved);
}

TEST(Fairness, WhatNobodyNoticesIsNoStarvation) {
  EXPECT_FALSE(find(kAlone, {reply(100, 10), reply(100, 24, 6), reply(100, 4)}).starved);
  const std::vector<record::Outcome> fast{reply(1, 0.5), reply(1, 0.5), reply(1, 0.5)};
  EXPECT_FALSE(find(fast, {reply(1, 0.5), reply(1, 4), reply(1, 0.5)}).starved);
  EXPECT_FALSE(find(fast, {reply(1, 0.5), reply(1, 0.5), reply(60, 0.5)}).starved);
}

TEST(Fairness, OneThatWaitsForMoreThanAllTheOthersIsStarved) {
  const auto found = find(kAlone, {reply(100, 10), reply(100, 10, 6), reply(900, 10)});
  EXPECT_TRUE(found.starved);
  EXPECT_EQ(found.what,
            "session 3 of 3 waited 900 ms for its first text; serving all the others first would have taken "
            "450 ms");
}

TEST(Fairness, OneAloneOrWithoutRepliesIsNotJudged) {
  EXPECT_FALSE(find({reply(1, 1)}, {reply(9, 9)}).judged);
  auto failed = reply(1, 1);
  failed.ending = record::Ending::Reset;
  EXPECT_FALSE(find({reply(1, 1), reply(1, 1)}, {failed, failed}).judged);
}

}  // namespace
}  // namespace moestress::protocol

#include "load/goodput.h"

#include <gtest/gtest.h>

#include <chrono>

namespace moestress::load {
namespace {

using namespace std::chrono_literals;
using record::Ending;
using record::Outcome;

constexpr Objective kObjective{100, 20};

/// A reply of `tokens` in as many chunks, `gap` apart.
Outcome reply(std::int64_t id, base::Duration planned, base::Duration ttft, base::Duration gap,
              std::int64_t tokens) {
  Outcome outcome;
  outcome.request = {id};
  outcome.planned = planned;
  outcome.sent = planned;
  outcome.first_text = planned + ttft;
  outcome.last_text = outcome.first_text + gap * (tokens - 1);
  outcome.done = outcome.last_text;
  outcome.completion_tokens = tokens;
  return outcome;
}

TEST(Goodput, EveryObjectiveMustBeMet) {
  EXPECT_TRUE(meets(reply(0, 0ms, 100ms, 20ms, 10), kObjective, false));
  EXPECT_FALSE(meets(reply(0, 0ms, 101ms, 20ms, 10), kObjective, false));
  EXPECT_FALSE(meets(reply(0, 0ms, 100ms, 21ms, 10), kObjective, false));
  EXPECT_TRUE(meets(reply(0, 0ms, 100ms, 0ms, 1), kObjective, false)) << "one token has no pace";
  Outcome failed = reply(0, 0ms, 1ms, 1ms, 10);
  failed.ending = Ending::Http5xx;
  EXPECT_FALSE(meets(failed, kObjective, false));
}

TEST(Goodput, AReplyInOnePieceHasTheTimeOfAStream) {
  Outcome whole = reply(0, 0ms, 280ms, 0ms, 10);
  EXPECT_FALSE(meets(whole, kObjective, false));
  EXPECT_TRUE(meets(whole, kObjective, true)) << "100 + 9 · 20 ms";
  whole.done = 281ms;
  EXPECT_FALSE(meets(whole, kObjective, true));
  Outcome empty;
  empty.planned = 0ms;
  empty.done = 90ms;
  EXPECT_TRUE(meets(empty, kObjective, false));
  empty.done = 110ms;
  EXPECT_FALSE(meets(empty, kObjective, false));
}

TEST(Goodput, CountsPerSecondOfTheScheduleOrUntilTheLastReply) {
  std::vector<Outcome> outcomes{reply(0, 1s, 50ms, 10ms, 5), reply(1, 2s, 5s, 10ms, 5),
                                reply(2, 3s, 50ms, 10ms, 5), reply(3, 3s, 280ms, 0ms, 10),
                                reply(4, 4s, 1ms, 1ms, 5)};
  outcomes.back().ending = Ending::Cancelled;
  const auto figures = goodput(outcomes, kObjective, {base::RequestId{3}}, 10s);
  EXPECT_EQ(figures.n, 4);
  EXPECT_EQ(figures.ok, 4);
  EXPECT_EQ(figures.met, 3);
  EXPECT_DOUBLE_EQ(figures.seconds, 10);
  EXPECT_DOUBLE_EQ(figures.per_s(), 0.3);
  EXPECT_DOUBLE_EQ(figures.share(), 0.75);
  EXPECT_DOUBLE_EQ(goodput(outcomes, kObjective, {}, 1s).seconds, 6.04) << "the second reply ends at 7.04 s";
  EXPECT_EQ(goodput({}, kObjective, {}, 1s).per_s(), 0);
}

TEST(Goodput, TheTtftOfAnOverloadedServerGrowsByItsOverload) {
  // 12 a second come, 10 a second are served: request i waits i (1/10 − 1/12).
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 60; ++i)
    outcomes.push_back(reply(i, i * 1s / 12,
                             std::chrono::nanoseconds(1s) * i / 10 - i * std::chrono::nanoseconds(1s) / 12,
                             1ms, 5));
  EXPECT_NEAR(ttft_growth(outcomes).slope, 0.2, 1e-6);
}

}  // namespace
}  // namespace moestress::load

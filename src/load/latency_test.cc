#include "load/latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace moestress::load {
namespace {

using namespace std::chrono_literals;
using record::Ending;
using record::Outcome;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;

/// A reply planned at `planned`, sent 1 ms later, one letter in each chunk.
Outcome reply(base::Duration planned, const std::vector<base::Duration>& chunks, std::int64_t tokens,
              std::int64_t session = 0) {
  Outcome outcome;
  outcome.session = {session};
  outcome.planned = planned;
  outcome.sent = planned + 1ms;
  for (const base::Duration at : chunks) {
    outcome.chunks.push_back({at, "x"});
    outcome.text += "x";
  }
  if (!chunks.empty()) {
    outcome.first_text = chunks.front();
    outcome.last_text = chunks.back();
    outcome.first_byte = chunks.front();
    outcome.done = chunks.back() + 1ms;
  } else {
    outcome.done = planned + 5ms;
  }
  outcome.completion_tokens = tokens;
  return outcome;
}

TEST(LatencyFigures, CountFromThePlannedStart) {
  const std::vector outcomes{reply(100ms, {150ms, 160ms, 190ms}, 5)};
  const LatencyFigures figures = latency_figures(outcomes);
  EXPECT_THAT(figures.ttft_ms, ElementsAre(50.0));
  EXPECT_THAT(figures.ttft_send_ms, ElementsAre(49.0));
  EXPECT_THAT(figures.itl_ms, ElementsAre(10.0, 30.0));
  EXPECT_THAT(figures.tpot_ms, ElementsAre(10.0))
      << "40 ms over four tokens, however many chunks they came in";
  EXPECT_THAT(figures.e2e_ms, ElementsAre(91.0));
  EXPECT_THAT(figures.decode_tok_s, ElementsAre(100.0));
}

TEST(LatencyFigures, LeaveOutWhatCantBeSaid) {
  Outcome failed = reply(0ms, {10ms, 20ms}, 2);
  failed.ending = Ending::Reset;
  const std::vector outcomes{failed, reply(0ms, {}, 0),      // no text: only an end
                             reply(0ms, {10ms}, 1),          // one token: no pace
                             reply(0ms, {10ms, 10ms}, 2),    // all at once: no pace
                             reply(0ms, {10ms, 20ms}, -1)};  // not counted: no pace
  const LatencyFigures figures = latency_figures(outcomes);
  EXPECT_EQ(figures.e2e_ms.size(), 4U);
  EXPECT_EQ(figures.ttft_ms.size(), 3U);
  EXPECT_THAT(figures.tpot_ms, IsEmpty());
  EXPECT_THAT(figures.decode_tok_s, IsEmpty());
  EXPECT_THAT(figures.itl_ms, ElementsAre(0.0, 10.0));
}

TEST(LatencyMetrics, AreNamedWithNAndInterval) {
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 20; ++i)
    outcomes.push_back(reply(0ms, {std::chrono::milliseconds(10 + i), std::chrono::milliseconds(30 + i)}, 3));
  outcomes.push_back(reply(0ms, {5ms}, 1));
  outcomes.back().ending = Ending::Http5xx;
  outcomes.push_back(reply(0ms, {5ms}, 1));
  outcomes.back().ending = Ending::Cancelled;

  const record::Metrics metrics = latency_metrics(outcomes);
  EXPECT_EQ(metrics.at("ttft_ms_p50").value, 19.5);
  EXPECT_EQ(metrics.at("ttft_ms_p50").unit, "ms");
  EXPECT_EQ(metrics.at("ttft_ms_p50").n, 20);
  ASSERT_TRUE(metrics.at("ttft_ms_p50").ci);
  EXPECT_LT(metrics.at("ttft_ms_p50").ci->first, 19.5);
  EXPECT_GT(metrics.at("ttft_ms_p50").ci->second, 19.5);
  EXPECT_FALSE(metrics.at("ttft_ms_p99").ci) << "20 samples bound no p99";
  EXPECT_EQ(metrics.at("itl_ms_p99").value, 20);
  EXPECT_FALSE(metrics.at("itl_ms_p50").ci) << "gaps of one reply are not independent";
  EXPECT_EQ(metrics.at("tpot_ms_mean").value, 10);
  EXPECT_DOUBLE_EQ(metrics.at("decode_tok_s_mean").value, 100);
  EXPECT_EQ(metrics.at("requests_ok").value, 20);
  EXPECT_EQ(metrics.at("requests_ok").n, 21);
  EXPECT_EQ(metrics.at("requests_failed").value, 1) << "what we cancelled did not fail";
  EXPECT_EQ(metrics.at("completion_tokens").value, 60);
}

TEST(LatencyMetrics, OfNothingSayNothing) {
  const record::Metrics metrics = latency_metrics({});
  EXPECT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics.at("requests_ok").value, 0);
  EXPECT_EQ(metrics.at("requests_failed").value, 0);
}

/// One token every `gap` from `first` on.
Outcome steady(base::Duration first, base::Duration gap, int tokens, std::int64_t session = 0) {
  std::vector<base::Duration> chunks;
  for (int i = 0; i < tokens; ++i) chunks.push_back(first + gap * i);
  return reply(first - 10ms, chunks, tokens, session);
}

TEST(WindowSpeeds, OfSteadyDecoding) {
  const std::vector outcomes{steady(1s, 100ms, 101)};  // ten seconds
  const auto speeds = window_speeds(outcomes, 2s, 1s);
  ASSERT_EQ(speeds.size(), 9U);
  for (const WindowSpeed& speed : speeds) EXPECT_THAT(speed.tok_s, DoubleNear(10, 1e-9));
  EXPECT_EQ(speeds.front().end, 3s);
  EXPECT_EQ(speeds.back().end, 11s);
}

TEST(WindowSpeeds, AStallWithinAReplyShows) {
  Outcome outcome = steady(0s, 100ms, 101);
  for (std::size_t i = 50; i < outcome.chunks.size(); ++i) outcome.chunks[i].at += 5s;
  outcome.last_text += 5s;
  const std::vector outcomes{outcome};
  const auto slowest = decode_tok_s_min(outcomes, 5s);
  ASSERT_TRUE(slowest);
  EXPECT_LE(slowest->value, 0.2) << "five seconds that bring one token";
  EXPECT_EQ(slowest->n, 11);
}

TEST(WindowSpeeds, WaitingBetweenRepliesDoesNot) {
  const std::vector outcomes{steady(0s, 100ms, 31), steady(100s, 100ms, 31)};
  const auto speeds = window_speeds(outcomes, 4s, 1s);
  ASSERT_EQ(speeds.size(), 3U);  // six seconds of decoding in all
  for (const WindowSpeed& speed : speeds) EXPECT_THAT(speed.tok_s, DoubleNear(10, 1e-9));
  EXPECT_EQ(speeds[0].end, 101s) << "its fourth second of decoding is the second reply's first";
  EXPECT_EQ(speeds[2].end, 103s);
}

TEST(WindowSpeeds, SessionsAreJudgedEachOnItsOwn) {
  const std::vector outcomes{steady(0s, 100ms, 41, 1), steady(0s, 200ms, 21, 2)};
  const auto slowest = decode_tok_s_min(outcomes, 2s);
  ASSERT_TRUE(slowest);
  EXPECT_THAT(slowest->value, DoubleNear(5, 1e-9)) << "the slower session's, not the sum";
  EXPECT_FALSE(decode_tok_s_min(outcomes, 5s)) << "neither decoded for five seconds";
}

TEST(WindowSpeeds, TokensAreLaidToChunksByBytes) {
  Outcome outcome = reply(0s, {0s, 1s, 2s}, 30);
  outcome.chunks[0].text = "aaaaa";
  outcome.chunks[1].text = "bbbbbbbbbb";
  outcome.chunks[2].text = "ccccccccccccccc";
  outcome.text = "aaaaabbbbbbbbbbccccccccccccccc";
  const std::vector outcomes{outcome};
  const auto speeds = window_speeds(outcomes, 1s, 1s);
  ASSERT_EQ(speeds.size(), 2U);
  EXPECT_DOUBLE_EQ(speeds[0].tok_s, 10);
  EXPECT_DOUBLE_EQ(speeds[1].tok_s, 15);
}

}  // namespace
}  // namespace moestress::load

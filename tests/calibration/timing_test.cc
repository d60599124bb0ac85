// Latencies as measured, held against when the server really wrote.

#include <gtest/gtest.h>

#include "calibration.h"
#include "load/latency.h"

namespace moestress::calibration {
namespace {

using namespace std::chrono_literals;
using record::Endpoint;
using record::Outcome;
using target::Dialect;

constexpr std::size_t kChunks = 10;
constexpr base::Duration kFirst = 80ms;
constexpr base::Duration kGap = 20ms;

constexpr std::size_t kTextBytes = 3;

std::string text_of(int step) { return "t" + std::to_string(10 + step); }

std::string whole_text() {
  std::string text;
  for (int i = 0; i < static_cast<int>(kChunks); ++i) text += text_of(i);
  return text;
}

/// A text after 80 ms and nine more, one every 20 ms. In every form step i writes text i.
Script paced(Endpoint endpoint) {
  Script script;
  const bool framed = endpoint == Endpoint::ShimmyWebSocket;
  for (int i = 0; i < static_cast<int>(kChunks); ++i) {
    const std::string text = text_of(i);
    std::string bytes = framed                                 ? text
                        : endpoint == Endpoint::ShimmyGenerate ? http_chunk("data: " + text + "\n\n")
                                                               : http_chunk(chat_event(text));
    if (i == 0 && !framed) bytes = stream_head("text/event-stream") + bytes;
    script.steps.push_back({kFirst + kGap * i, bytes});
  }
  script.steps.push_back({kFirst + kGap * static_cast<int>(kChunks),
                          framed ? R"({"done":true})" : http_chunk("data: [DONE]\n\n") + kLastHttpChunk});
  return script;
}

class Timing : public Calibration, public testing::WithParamInterface<Endpoint> {
 protected:
  /// Four sessions of four requests, a little apart from each other.
  std::vector<Outcome> run() {
    load::ClosedLoop plan;
    for (int session = 0; session < 4; ++session) {
      plan.sessions.emplace_back();
      for (int i = 0; i < 4; ++i) plan.sessions.back().push_back(request(GetParam()));
      plan.sessions.back().front().planned_start = 5ms * session;
    }
    return closed(std::move(plan)).outcomes;
  }

  /// How long after each write its text was here.
  std::vector<double> delays_ms(const Outcome& outcome, const Served& truth) const {
    // On a busy machine two texts may come as one chunk, which can't be older than the later of them.
    std::vector<double> delays;
    std::size_t bytes = 0;
    for (const record::Chunk& chunk : outcome.chunks) {
      bytes += chunk.text.size();
      const std::size_t last = bytes / kTextBytes - 1;
      delays.push_back(base::to_ms(chunk.at - since_epoch(truth.written[last])));
      EXPECT_GE(delays.back(), 0) << "text " << last << " arrived before it was written";
    }
    return delays;
  }

  std::vector<Reading> measure() {
    const std::vector<Outcome> outcomes = run();
    const std::vector<Served> served = server_->served();
    std::vector<double> ttft, ttft_send, gaps, delays;
    for (const Outcome& outcome : outcomes) {
      EXPECT_TRUE(outcome.ok()) << outcome.detail;
      EXPECT_EQ(outcome.text, whole_text());
      const Served& truth = served_for(outcome, served);
      ttft.push_back(base::to_ms(since_epoch(truth.written[0]) - outcome.planned));
      ttft_send.push_back(base::to_ms(truth.written[0] - truth.request.at));
      for (std::size_t i = 1; i < kChunks; ++i)
        gaps.push_back(base::to_ms(truth.written[i] - truth.written[i - 1]));
      for (const double delay : delays_ms(outcome, truth)) delays.push_back(delay);
    }
    EXPECT_EQ(outcomes.size(), 16U);
    const load::LatencyFigures figures = load::latency_figures(outcomes);
    RecordProperty("delay_us_median", static_cast<int>(median(delays) * 1000));
    return {{"TTFT", median(figures.ttft_ms), median(ttft)},
            {"TTFT from the send", median(figures.ttft_send_ms), median(ttft_send)},
            {"ITL", median(figures.itl_ms), median(gaps)},
            {"delay from the server's write to our chunk", median(delays), 0}};
  }
};

TEST_P(Timing, IsTheServersOwn) {
  serve([endpoint = GetParam()](const Received&) { return paced(endpoint); });
  attach(Dialect::Moestress);
  expect_calibrated([this] { return measure(); });
}

INSTANTIATE_TEST_SUITE_P(EveryTransport, Timing,
                         testing::Values(Endpoint::Chat, Endpoint::ShimmyGenerate, Endpoint::ShimmyWebSocket),
                         [](const auto& info) { return std::string(record::to_string(info.param)); });

using Whole = Calibration;

TEST_F(Whole, RepliesAreTimedByTheirEnd) {
  serve([](const Received&) {
    Script script;
    script.steps = {{50ms, whole(200, "application/json", R"({"choices":[{"message":{"content":"all"}}]})")}};
    return script;
  });
  attach(Dialect::OpenAi);
  expect_calibrated([this]() -> std::vector<Reading> {
    load::ClosedLoop plan;
    plan.sessions.emplace_back();
    for (int i = 0; i < 9; ++i) {
      plan.sessions[0].push_back(request());
      plan.sessions[0].back().stream = false;
    }
    const load::LoadResult result = closed(std::move(plan));
    const std::vector<Served> served = server_->served();
    std::vector<double> from_send, from_plan;
    for (const Outcome& outcome : result.outcomes) {
      const Served& one = served_for(outcome, served);
      from_send.push_back(base::to_ms(one.written[0] - one.request.at));
      from_plan.push_back(base::to_ms(since_epoch(one.written[0]) - outcome.planned));
    }
    const load::LatencyFigures figures = load::latency_figures(result.outcomes);
    EXPECT_EQ(figures.ttft_send_ms.size(), 9U);
    return {{"TTFT of a whole reply from the send", median(figures.ttft_send_ms), median(from_send)},
            {"end to end", median(figures.e2e_ms), median(from_plan)}};
  });
}

// moestress must say itself when it was too busy to be believed.
TEST_F(Whole, OurOwnLatenessMakesTheRunInvalid) {
  serve([](const Received&) {
    Script script;
    script.steps = {{20ms, whole(200, "application/json", R"({"choices":[{"message":{"content":"all"}}]})")}};
    return script;
  });
  attach(Dialect::OpenAi);
  load::ClosedLoop plan;
  plan.sessions = {{request(), request(), request(), request()}};
  plan.on_outcome = [](const Outcome&) { std::this_thread::sleep_for(8ms); };  // on the loop's thread
  const load::LoadResult result = closed(std::move(plan));
  EXPECT_FALSE(result.lag_valid) << result.lag_reason;
  EXPECT_GE(result.lag.ms_max, 8);
}

}  // namespace
}  // namespace moestress::calibration

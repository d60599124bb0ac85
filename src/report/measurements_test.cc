// What a report makes of requests, samples and routing traces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/request_statistics.h"
#include "report/routing_tally.h"
#include "report/timeline.h"

namespace moestress::report {
namespace {

using base::from_seconds;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::SizeIs;

record::Outcome reply(double planned_s, double ttft_s, int chunks, double gap_s) {
  record::Outcome outcome;
  outcome.planned = from_seconds(planned_s);
  outcome.sent = from_seconds(planned_s + 0.010);
  outcome.first_text = from_seconds(planned_s + ttft_s);
  for (int i = 0; i < chunks; ++i)
    outcome.chunks.push_back({outcome.first_text + from_seconds(gap_s) * i, "x"});
  outcome.last_text = outcome.chunks.back().at;
  outcome.prompt_tokens = 100;
  outcome.completion_tokens = chunks;
  return outcome;
}

TEST(RequestStatistics, LatenciesFromPlanAndFromSend) {
  RequestStatistics statistics;
  for (int i = 1; i <= 20; ++i) statistics.add("m", "2.2", reply(i, 0.1 * i, 11, 0.05));
  const auto latencies = statistics.latencies();
  ASSERT_THAT(latencies, SizeIs(3));
  EXPECT_EQ(latencies[0].quantity, "TTFT");
  EXPECT_EQ(latencies[0].n, 20);
  EXPECT_NEAR(latencies[0].max_ms, 2000, 20);
  EXPECT_EQ(latencies[1].quantity, "TTFT from the send");
  EXPECT_NEAR(latencies[1].max_ms, 1990, 20);
  EXPECT_EQ(latencies[2].quantity, "ITL");
  EXPECT_EQ(latencies[2].n, 200);
  EXPECT_NEAR(latencies[2].max_ms, 50, 0.5);
  EXPECT_TRUE(std::is_sorted(latencies[0].value_ms.begin(), latencies[0].value_ms.end()));
  EXPECT_EQ(latencies[0].share.back(), 1);
  EXPECT_LE(latencies[0].value_ms.size(), 105u);
}

TEST(RequestStatistics, APercentileNeedsItsSamples) {
  const auto given = [](int n) {
    RequestStatistics statistics;
    for (int i = 0; i < n; ++i) statistics.add("m", "1.2", reply(i, 1, 1, 0));
    std::vector<double> p;
    const auto latencies = statistics.latencies();
    for (const Percentile& percentile : latencies.at(0).percentiles_ms) p.push_back(percentile.p);
    return p;
  };
  EXPECT_THAT(given(10), ElementsAre());
  EXPECT_THAT(given(63), ElementsAre(0.5));
  EXPECT_THAT(given(64), ElementsAre(0.5, 0.9));
  EXPECT_THAT(given(661), ElementsAre(0.5, 0.9));
  EXPECT_THAT(given(662), ElementsAre(0.5, 0.9, 0.99));
}

TEST(RequestStatistics, FailedRequestsAreCountedAndNotTimed) {
  RequestStatistics statistics;
  statistics.add("m", "4.2", reply(0, 1, 10, 0.1));
  record::Outcome failed = reply(1, 30, 10, 0.1);
  failed.ending = record::Ending::Http5xx;
  statistics.add("m", "4.2", failed);
  record::Outcome silent;
  silent.planned = from_seconds(2);
  statistics.add("m", "4.2", silent);  // complete, but without any text
  EXPECT_EQ(statistics.latencies().at(0).n, 1);
  const auto endings = statistics.endings();
  ASSERT_THAT(endings, SizeIs(2));
  EXPECT_EQ(endings[0].ending, "complete");
  EXPECT_EQ(endings[0].count, 2);
  EXPECT_EQ(endings[1].ending, "http_5xx");
}

TEST(RequestStatistics, SpeedIsOfTheDecodeAtItsMiddle) {
  RequestStatistics statistics;
  statistics.add("m", "2.3", reply(0, 5, 21, 0.1));  // 20 tokens in 2 s
  statistics.add("m", "2.3", reply(0, 5, 7, 0.1));   // too short to give a speed
  record::Outcome uncounted = reply(0, 5, 21, 0.1);
  uncounted.prompt_tokens = -1;
  statistics.add("m", "2.3", uncounted);
  const auto speeds = statistics.speeds();
  ASSERT_THAT(speeds, SizeIs(1));
  ASSERT_THAT(speeds[0].points, SizeIs(1));
  EXPECT_NEAR(speeds[0].points[0].tok_per_s, 10, 1e-9);
  EXPECT_NEAR(speeds[0].points[0].context_tokens, 110.5, 1e-9);
}

TEST(RequestStatistics, PointsStayBounded) {
  RequestStatistics statistics;
  for (int i = 0; i < 50'000; ++i) {
    record::Outcome outcome = reply(i, 1, 10, 0.1);
    outcome.prompt_tokens = i;
    statistics.add("m", "S1", outcome);
  }
  const auto cloud = statistics.speeds().at(0);
  EXPECT_EQ(cloud.n, 50'000);
  EXPECT_LE(cloud.points.size(), kSeriesPoints);
  EXPECT_GT(cloud.points.size(), kSeriesPoints / 4);
  EXPECT_LT(cloud.points.front().context_tokens, 100);
  EXPECT_GT(cloud.points.back().context_tokens, 49'000);
}

TEST(Timeline, ANewProcessIsAGap) {
  std::vector<record::ProcessSample> samples(4);
  for (int i = 0; i < 4; ++i) {
    auto& sample = samples[static_cast<std::size_t>(i)];
    sample.at = from_seconds(i * 10);
    sample.series = base::SeriesId{i < 2 ? 1 : 2};
    sample.rss_anon_bytes = 1000 * (i + 1);
    sample.swap_bytes = 5;
  }
  const auto curves = process_curves("m", samples);
  ASSERT_THAT(curves, SizeIs(2)) << "shared memory that is not there has no curve";
  EXPECT_EQ(curves[0].name, "m private");
  EXPECT_THAT(curves[0].x, ElementsAre(0, 10, 15, 20, 30));
  EXPECT_EQ(curves[0].y[1], 2005);
  EXPECT_TRUE(std::isnan(curves[0].y[2]));
  EXPECT_EQ(curves[1].name, "m file-mapped");
}

TEST(Timeline, RestartsAddABoundedNumberOfGaps) {
  std::vector<record::ProcessSample> samples(500);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].at = from_seconds(static_cast<double>(i));
    samples[i].series = base::SeriesId{static_cast<std::int64_t>(i)};
  }
  EXPECT_THAT(process_curves("m", samples)[0].x, SizeIs(500 + kGapsMax));
}

TEST(Timeline, ADeviceFigureThatCouldNotBeReadIsAGapAndNever0) {
  std::vector<record::DeviceSample> samples(3);
  for (std::size_t i = 0; i < 3; ++i) {
    samples[i].at = from_seconds(static_cast<double>(i));
    samples[i].device = "CUDA0";
    samples[i].source = "nvml v2";
  }
  samples[0].used_bytes = 7;
  samples[2].used_bytes = 9;
  const auto curves = device_curves("m", samples);
  ASSERT_THAT(curves, SizeIs(1)) << "no process figure at all: no curve";
  EXPECT_EQ(curves[0].name, "CUDA0 (nvml v2), whole device, during m");
  EXPECT_EQ(curves[0].y[0], 7);
  EXPECT_TRUE(std::isnan(curves[0].y[1]));
}

TEST(RoutingTally, SharesOfALayerSumToOne) {
  record::RoutingTrace trace;
  trace.layers = {1, 3};
  trace.experts = 4;
  trace.k = 2;
  trace.tokens = 2;
  const auto absent = record::RoutingTrace::kAbsent;
  trace.ids = {0, 1, 2, 3, 0, 2, absent, absent};  // token 1 has no choice in layer 3
  trace.weights.resize(trace.ids.size());
  RoutingTally tally;
  tally.add("m", "code", trace);
  tally.add("m", "math", trace);
  tally.add("m", "code", trace);
  const auto shares = tally.shares();
  ASSERT_THAT(shares, SizeIs(2));
  EXPECT_EQ(shares[0].set, "code");
  EXPECT_EQ(shares[0].tokens, 4);
  EXPECT_THAT(shares[0].layers, ElementsAre(1, 3));
  EXPECT_THAT(shares[0].share[0], ElementsAre(0.5, 0.25, 0.25, 0));
  EXPECT_THAT(shares[0].share[1], ElementsAre(0, 0, 0.5, 0.5));
}

TEST(RoutingTally, AnExpertThatTheTraceDoesNotHaveIsNotCounted) {
  record::RoutingTrace trace;
  trace.layers = {0};
  trace.experts = 2;
  trace.k = 1;
  trace.tokens = 2;
  trace.ids = {1, 900};
  trace.weights.resize(2);
  RoutingTally tally;
  tally.add("m", "code", trace);
  EXPECT_THAT(tally.shares().at(0).share[0], ElementsAre(0, 1));
}

TEST(Timeline, NoLineIsDrawnThroughATimeWithoutMoestress) {
  std::vector<Curve> curves{{"available", "bytes", {1, 2, 50, 51}, {7, 7, 9, 9}},
                            {"short", "bytes", {60, 61}, {1, 1}},
                            {"broken", "bytes", {1, 20, 50}, {7, std::nan(""), 9}}};
  break_at({{2.5, 49.5}}, curves);
  EXPECT_THAT(curves[0].x, ElementsAre(1, 2, 26, 50, 51));
  EXPECT_TRUE(std::isnan(curves[0].y[2]));
  EXPECT_EQ(curves[0].y[3], 9);
  EXPECT_THAT(curves[1].x, SizeIs(2));
  EXPECT_THAT(curves[2].x, SizeIs(3));
}

}  // namespace
}  // namespace moestress::report

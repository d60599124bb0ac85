#include "load/load_result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace moestress::load {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

LoadResult with(std::vector<double> lag_ms, base::Duration ttft) {
  LoadResult result;
  result.lag = client_lag(std::move(lag_ms));
  for (int i = 0; i < 5; ++i) {
    record::Outcome outcome;
    outcome.planned = 0s;
    outcome.first_text = ttft;
    outcome.done = ttft;
    result.outcomes.push_back(outcome);
  }
  judge_lag(result);
  return result;
}

TEST(ClientLag, HasItsQuantiles) {
  const ClientLag lag = client_lag({4, 1, 3, 2, 5});
  EXPECT_EQ(lag.n, 5);
  EXPECT_EQ(lag.ms_p50, 3);
  EXPECT_NEAR(lag.ms_p99, 4.96, 1e-9);
  EXPECT_EQ(lag.ms_max, 5);
  EXPECT_EQ(client_lag({}).n, 0);
}

TEST(JudgeLag, AllowsOnePercentOfTheMedianLatency) {
  EXPECT_TRUE(with({2.0}, 200ms).lag_valid);
  const LoadResult late = with({2.1}, 200ms);
  EXPECT_FALSE(late.lag_valid);
  EXPECT_THAT(late.lag_reason, HasSubstr("client lag p99 2.10 ms (n 1) passes 2.00 ms (1 % of a median"));
}

TEST(JudgeLag, AllowsTheFloor) {
  const LoadResult fast = with({0.4}, 5ms);  // 8 % of it
  EXPECT_TRUE(fast.lag_valid);
  EXPECT_THAT(fast.lag_reason, HasSubstr("the floor"));
  EXPECT_FALSE(with({0.6}, 5ms).lag_valid);
}

TEST(JudgeLag, GoesByThe99thPercentile) {
  std::vector<double> lag(1000, 0.1);
  lag[0] = 50;
  EXPECT_TRUE(with(lag, 20ms).lag_valid) << "one hiccup in a thousand";
  for (std::size_t i = 0; i < 20; ++i) lag[i] = 50;
  EXPECT_FALSE(with(lag, 20ms).lag_valid);
}

TEST(JudgeLag, WithoutALatencyThereIsNothingToSpoil) {
  LoadResult none;
  none.lag = client_lag({100});
  judge_lag(none);
  EXPECT_TRUE(none.lag_valid);
  EXPECT_THAT(none.lag_reason, HasSubstr("no latency"));
}

}  // namespace
}  // namespace moestress::load

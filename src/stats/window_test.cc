#include "stats/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moestress::stats {
namespace {

std::vector<double> seconds(std::size_t n) {
  std::vector<double> times(n);
  std::iota(times.begin(), times.end(), 100.0);
  return times;
}

TEST(SlidingRates, SteadyEventsGiveTheirRateInWholeWindowsOnly) {
  const std::vector<double> rates = sliding_rates(seconds(101), {}, 60, 10);
  EXPECT_EQ(rates, std::vector<double>(5, 1.0));  // windows from 0, 10, 20, 30, 40 to 100
}

TEST(SlidingRates, AStallShowsInTheWindowsThatHoldIt) {
  std::vector<double> times;
  std::vector<double> weights;
  for (int i = 0; i <= 200; ++i) {
    if (i > 90 && i < 120) continue;
    times.push_back(i);
    weights.push_back(12);
  }
  const std::vector<double> rates = sliding_rates(times, weights, 60, 1);
  ASSERT_EQ(rates.size(), 141U);
  EXPECT_DOUBLE_EQ(rates.front(), 12);
  EXPECT_DOUBLE_EQ(*std::min_element(rates.begin(), rates.end()), 12 * 31.0 / 60);
  EXPECT_DOUBLE_EQ(rates.back(), 12);
}

TEST(SlidingRates, OrderDoesNotMatterAndTheFirstEventOnlyStartsTheClock) {
  const std::vector<double> rates =
      sliding_rates(std::vector<double>{3, 0, 1, 2}, std::vector<double>{1, 1000, 1, 1}, 3, 1);
  EXPECT_EQ(rates, std::vector<double>{1.0});
}

TEST(SlidingRates, EdgeCases) {
  EXPECT_TRUE(sliding_rates({}, {}, 60, 1).empty());
  EXPECT_TRUE(sliding_rates(seconds(60), {}, 60, 1).empty());
  EXPECT_EQ(sliding_rates(seconds(61), {}, 60, 1).size(), 1U);
  EXPECT_TRUE(sliding_rates(seconds(61), {}, 0, 1).empty());
  EXPECT_TRUE(sliding_rates(seconds(61), {}, 60, -1).empty());
  EXPECT_TRUE(sliding_rates(seconds(61), {}, NAN, 1).empty());
  EXPECT_TRUE(sliding_rates(std::vector<double>{1, NAN}, {}, 1, 1).empty());
  EXPECT_LE(sliding_rates(std::vector<double>{0, 1e9}, {}, 1, 1e-3).size(), 1'000'000U);
}

TEST(SlidingRates, WindowsThatTouchTheLastEventByRoundingCount) {
  std::vector<double> times;
  for (int i = 0; i <= 20; ++i) times.push_back(i * 0.1);
  EXPECT_EQ(sliding_rates(times, {}, 1.0, 0.1).size(), 11U);
}

}  // namespace
}  // namespace moestress::stats

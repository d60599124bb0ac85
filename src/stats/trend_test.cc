#include "stats/trend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random.h"

namespace moestress::stats {
namespace {

std::vector<double> counting(std::size_t n) {
  std::vector<double> x(n);
  std::iota(x.begin(), x.end(), 1.0);
  return x;
}

TEST(TheilSen, AgreesWithReferenceAndIgnoresAnOutlier) {
  const std::vector<double> y = {2.1, 3.9, 6.2, 7.8, 10.5, 12.0, 13.7, 16.4, 18.0, 40.0};
  const Trend trend = theil_sen(counting(10), y);
  EXPECT_NEAR(trend.slope, 2.04, 1e-12);
  // (45 ∓ 1.96·√125)/2 are ranks 11.5 and 33.5 of the 45 slopes, rounded outwards to the 11th and 35th
  // from 1.
  EXPECT_NEAR(trend.interval.lo, 1.9333333333333333, 1e-12);
  EXPECT_NEAR(trend.interval.hi, 2.7, 1e-12);
  EXPECT_EQ(trend.n, 10);
  EXPECT_EQ(trend.points, 10);
}

TEST(TheilSen, PairsWithTheSameXHaveNoSlope) {
  const std::vector<double> x = {1, 1, 2, 3, 3, 4, 5, 6};
  const std::vector<double> y = {2, 3, 3, 5, 5, 4, 7, 9};
  const Trend trend = theil_sen(x, y);
  EXPECT_NEAR(trend.slope, 1.225, 1e-12);
  EXPECT_NEAR(trend.interval.lo, 0.5, 1e-12);
  EXPECT_NEAR(trend.interval.hi, 2.0, 1e-12);
}

TEST(TheilSen, EdgeCases) {
  EXPECT_TRUE(std::isnan(theil_sen({}, {}).slope));
  EXPECT_TRUE(std::isnan(theil_sen(std::vector<double>{1}, std::vector<double>{1}).slope));
  EXPECT_TRUE(std::isnan(theil_sen(std::vector<double>{1, 1}, std::vector<double>{1, 2}).slope));
  const Trend two = theil_sen(std::vector<double>{1, 2}, std::vector<double>{1, 4});
  EXPECT_EQ(two.slope, 3);
  EXPECT_FALSE(two.interval.bounded());
  const Trend flat = theil_sen(counting(50), std::vector<double>(50, 7.0));
  EXPECT_EQ(flat.slope, 0);
  EXPECT_EQ(flat.intercept, 7);
  EXPECT_EQ(flat.interval.lo, 0);
  EXPECT_EQ(flat.interval.hi, 0);
  const Trend holes = theil_sen(std::vector<double>{1, 2, 3, NAN, 5}, std::vector<double>{1, 2, NAN, 4, 5});
  EXPECT_EQ(holes.n, 3);
  EXPECT_EQ(holes.slope, 1);
}

TEST(TheilSen, ALongSeriesIsDecimatedAndItsOrderDoesNotMatter) {
  constexpr std::size_t kSamples = 28800;  // 8 h, one a second
  base::Random random(5);
  std::vector<double> x = counting(kSamples);
  std::vector<double> y;
  y.reserve(x.size());
  for (double t : x) y.push_back(1e9 + 50 * t + 1e5 * random.normal());
  const Trend trend = theil_sen(x, y);
  EXPECT_EQ(trend.n, static_cast<std::int64_t>(kSamples));
  EXPECT_EQ(trend.points, 2000);
  EXPECT_TRUE(trend.interval.contains(50));
  EXPECT_LT(trend.interval.hi - trend.interval.lo, 1);
  std::reverse(x.begin(), x.end());
  std::reverse(y.begin(), y.end());
  EXPECT_EQ(theil_sen(x, y).slope, trend.slope);
}

TEST(TheilSen, CoversAtItsConfidence) {
  base::Random random(17);
  int covered = 0;
  constexpr int kRuns = 1500;
  const std::vector<double> x = counting(25);
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> y;
    y.reserve(x.size());
    for (double t : x) y.push_back(0.3 * t + random.normal());
    covered += theil_sen(x, y).interval.contains(0.3) ? 1 : 0;
  }
  EXPECT_NEAR(covered / static_cast<double>(kRuns), 0.955, 0.02);
}

TEST(TheilSen, AFewEqualValuesBoundNothing) {
  const std::vector<double> flat(6, 7.0);
  EXPECT_FALSE(theil_sen(counting(5), std::vector<double>(5, 7.0)).interval.bounded());
  EXPECT_FALSE(theil_sen(counting(5), std::vector<double>{1, 2, 4, 7, 11}).interval.bounded());
  EXPECT_TRUE(theil_sen(counting(6), std::vector<double>{1, 2, 4, 7, 11, 16}).interval.bounded());
  const Trend trend = theil_sen(counting(6), flat);
  EXPECT_TRUE(trend.interval.bounded());
  EXPECT_EQ(trend.interval.lo, 0);
  EXPECT_EQ(trend.interval.hi, 0);
}

TEST(MannKendall, AgreesWithHandReckoning) {
  // S by counting all pairs: 34; two pairs of ties each correct Var S by 2·1·9 twice over (6, 8, 9 occur
  // twice).
  const std::vector<double> y = {5, 6, 7, 6, 8, 9, 9, 10, 8, 12};
  const MannKendall test = mann_kendall(y);
  EXPECT_EQ(test.n, 10);
  EXPECT_EQ(test.s, 34);
  EXPECT_NEAR(test.z, 33 / std::sqrt((10 * 9 * 25 - 3 * 18) / 18.0), 1e-12);
  EXPECT_NEAR(test.p, std::erfc(test.z / std::sqrt(2.0)), 1e-12);
}

TEST(MannKendall, EdgeCases) {
  EXPECT_EQ(mann_kendall({}).p, 1);
  EXPECT_EQ(mann_kendall(std::vector<double>{4}).p, 1);
  EXPECT_EQ(mann_kendall(std::vector<double>{4, 4, 4, 4}).p, 1);
  EXPECT_EQ(mann_kendall(std::vector<double>{3, 2, NAN, 1}).s, -3);
  EXPECT_EQ(mann_kendall(std::vector<double>{3, 2, 1}).n, 3);
}

TEST(MannKendall, FalseAlarmsAreAsRareAsPSays) {
  base::Random random(19);
  int alarms = 0;
  constexpr int kRuns = 4000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> y(30);
    for (double& value : y) value = random.normal();
    alarms += mann_kendall(y).p <= 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(alarms / static_cast<double>(kRuns), 0.05, 0.012);
}

}  // namespace
}  // namespace moestress::stats

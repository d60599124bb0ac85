#include "stats/change_point.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace moestress::stats {
namespace {

TEST(ChangePoints, FindsTwoStepsWhereTheyAre) {
  base::Random random(41);
  std::vector<double> series;
  series.reserve(60);
  for (int i = 0; i < 60; ++i) series.push_back((i < 20 ? 10 : i < 45 ? 14 : 8) + 0.5 * random.normal());
  const auto points = change_points(series, 1);
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].index, 20U);
  EXPECT_EQ(points[1].index, 45U);
  EXPECT_NEAR(points[0].before, 10, 0.5);
  EXPECT_NEAR(points[0].after, 14, 0.5);
  EXPECT_NEAR(points[1].before, 14, 0.5);
  EXPECT_NEAR(points[1].after, 8, 0.5);
  EXPECT_LE(points[0].p, 0.05);
}

TEST(ChangePoints, IndexCountsValuesLeftOut) {
  std::vector<double> series = {1, 1.1, NAN, 0.9, 1, 1.05, 0.95, 9, 9.1, 8.9, 9, 9.05};
  const auto points = change_points(series, 1);
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0].index, 7U);
}

TEST(ChangePoints, EdgeCases) {
  EXPECT_TRUE(change_points({}, 1).empty());
  EXPECT_TRUE(change_points(std::vector<double>{1, 2, 3, 4, 5}, 1).empty());
  EXPECT_TRUE(change_points(std::vector<double>(40, 3.0), 1).empty());
}

TEST(ChangePoints, FalseAlarmsAreAsRareAsSignificanceSays) {
  base::Random random(43);
  int alarms = 0;
  constexpr int kRuns = 300;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> series(20);
    for (double& value : series) value = random.normal();
    alarms += change_points(series, static_cast<std::uint64_t>(run), 0.05, 99).empty() ? 0 : 1;
  }
  EXPECT_LT(alarms / static_cast<double>(kRuns), 0.09);
  EXPECT_GT(alarms, 0);
}

}  // namespace
}  // namespace moestress::stats

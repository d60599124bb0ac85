#include "stats/interval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace moestress::stats {
namespace {

TEST(Wilson, AgreesWithReference) {
  const Interval a = wilson(8, 10);
  EXPECT_NEAR(a.lo, 0.4901624715366418, 1e-12);
  EXPECT_NEAR(a.hi, 0.9433178485456248, 1e-12);
  const Interval b = wilson(95, 100);
  EXPECT_NEAR(b.lo, 0.8882495307680809, 1e-12);
  EXPECT_NEAR(b.hi, 0.978456320845632, 1e-12);
  const Interval none = wilson(0, 10);
  EXPECT_EQ(none.lo, 0);
  EXPECT_NEAR(none.hi, 0.27753279986288926, 1e-12);
}

TEST(Wilson, OverNinetyFivePercentTakesTheSamplesThatMetricsStates) {
  const std::vector<int> needed = {73, 110, 142, 173};
  for (int failures = 0; failures < 4; ++failures) {
    const int n = needed[static_cast<std::size_t>(failures)];
    EXPECT_GT(wilson(n - failures, n).lo, 0.95) << failures;
    EXPECT_LE(wilson(n - 1 - failures, n - 1).lo, 0.95) << failures;
  }
}

TEST(Wilson, TrialsAreTheFirstThatPass) {
  EXPECT_EQ(wilson_trials(1, 0.95), 73);
  for (const double share : {0.96, 0.98, 0.9922, 1.0}) {
    const auto n = wilson_trials(share, 0.95);
    ASSERT_TRUE(n) << share;
    const auto trials = static_cast<double>(*n);
    EXPECT_GT(wilson(share * trials, trials).lo, 0.95) << share;
    EXPECT_LE(wilson(share * (trials - 1), trials - 1).lo, 0.95) << share;
  }
  EXPECT_FALSE(wilson_trials(0.95, 0.95));
  EXPECT_FALSE(wilson_trials(NAN, 0.95));
  EXPECT_FALSE(wilson_trials(0.95 + 1e-12, 0.95));
}

TEST(Wilson, TakesFractionsAndRefusesNonsense) {
  const Interval between = wilson(8.5, 10);
  EXPECT_GT(between.lo, wilson(8, 10).lo);
  EXPECT_LT(between.lo, wilson(9, 10).lo);
  EXPECT_EQ(wilson(12, 10).hi, 1);
  EXPECT_EQ(wilson(12, 10).lo, wilson(10, 10).lo);
  for (const Interval& all :
       {wilson(0, 0), wilson(NAN, 10), wilson(1, NAN), wilson(1, -3), wilson(1, 2, NAN)}) {
    EXPECT_EQ(all.lo, 0);
    EXPECT_EQ(all.hi, 1);
  }
}

TEST(Wilson, CoversAtItsConfidence) {
  base::Random random(7);
  int covered = 0;
  constexpr int kRuns = 4000;
  for (int run = 0; run < kRuns; ++run) {
    int successes = 0;
    for (int i = 0; i < 60; ++i) successes += random.uniform() < 0.8 ? 1 : 0;
    covered += wilson(successes, 60).contains(0.8) ? 1 : 0;
  }
  EXPECT_NEAR(covered / static_cast<double>(kRuns), 0.95, 0.02);
}

TEST(MeanInterval, AgreesWithReference) {
  const Interval interval = mean_interval(std::vector<double>{4.8, 5.1, 5.5, 4.9, 5.3});
  EXPECT_NEAR(interval.lo, 4.7644415410601235, 1e-9);
  EXPECT_NEAR(interval.hi, 5.475558458939875, 1e-9);
}

TEST(MeanInterval, KnowsNothingFromTooFewValues) {
  EXPECT_FALSE(mean_interval({}).bounded());
  EXPECT_FALSE(mean_interval(std::vector<double>{3}).bounded());
  EXPECT_FALSE(mean_interval(std::vector<double>{3, NAN}).bounded());
  const Interval equal = mean_interval(std::vector<double>{3, 3, 3, INFINITY});
  EXPECT_EQ(equal.lo, 3);
  EXPECT_EQ(equal.hi, 3);
}

TEST(MeanInterval, CoversAtItsConfidence) {
  base::Random random(11);
  int covered = 0;
  constexpr int kRuns = 3000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> values(6);
    for (double& value : values) value = 10 + 2 * random.normal();
    covered += mean_interval(values).contains(10) ? 1 : 0;
  }
  EXPECT_NEAR(covered / static_cast<double>(kRuns), 0.95, 0.012);
}

TEST(BootstrapMean, IsReproducibleAndCoversRoughly) {
  base::Random random(13);
  int covered = 0;
  constexpr int kRuns = 400;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> values(50);
    for (double& value : values) value = random.exponential(2);
    const Interval interval = bootstrap_mean(values, static_cast<std::uint64_t>(run), 400);
    covered += interval.contains(2) ? 1 : 0;
    if (run == 0) {
      const Interval again = bootstrap_mean(values, 0, 400);
      EXPECT_EQ(again.lo, interval.lo);
      EXPECT_EQ(again.hi, interval.hi);
      EXPECT_NE(bootstrap_mean(values, 1, 400).lo, interval.lo);
    }
  }
  EXPECT_GT(covered / static_cast<double>(kRuns), 0.88);  // the percentile bootstrap is narrow on skewed data
  EXPECT_LT(covered / static_cast<double>(kRuns), 0.98);
}

TEST(BootstrapMean, EdgeCases) {
  EXPECT_FALSE(bootstrap_mean({}, 1).bounded());
  EXPECT_FALSE(bootstrap_mean(std::vector<double>{1}, 1).bounded());
  EXPECT_FALSE(bootstrap_mean(std::vector<double>{1, 2}, 1, 0).bounded());
  const Interval equal = bootstrap_mean(std::vector<double>{2, 2, NAN, 2}, 1);
  EXPECT_EQ(equal.lo, 2);
  EXPECT_EQ(equal.hi, 2);
}

}  // namespace
}  // namespace moestress::stats

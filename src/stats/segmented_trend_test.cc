#include "stats/segmented_trend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace moestress::stats {
namespace {

std::vector<double> ramp(std::size_t count, double start, double step) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(start + step * static_cast<double>(i));
  return values;
}

TEST(SegmentedTheilSen, IsTheilSenForOneSegmentOfIndependentNoise) {
  base::Random random(7);
  const auto x = ramp(200, 0, 0.1);
  std::vector<double> y;
  for (const double t : x) y.push_back(3 + 2 * t + random.normal());
  const auto plain = theil_sen(x, y);
  const Segment segment{x, y};
  const auto trend = segmented_theil_sen({&segment, 1});
  EXPECT_NEAR(trend.slope, plain.slope, 1e-9);
  EXPECT_LE(trend.interval.lo, plain.interval.lo + 0.02);
  EXPECT_GE(trend.interval.hi, plain.interval.hi - 0.02);
  EXPECT_TRUE(trend.interval.contains(2));
  EXPECT_EQ(trend.n, 200);
}

TEST(SegmentedTheilSen, DoesNotBridgeAGap) {
  // Level at 100, then level at 500: joined, the series would rise.
  const auto early = ramp(20, 0, 1);
  const auto late = ramp(20, 30, 1);
  std::vector<double> low, high;
  for (int i = 0; i < 20; ++i) {
    low.push_back(100 + i % 2);
    high.push_back(500 + i % 2);
  }
  const std::vector<Segment> segments{{early, low}, {late, high}};
  const auto trend = segmented_theil_sen(segments);
  EXPECT_NEAR(trend.slope, 0, 0.02);
  EXPECT_TRUE(trend.interval.contains(0));
  EXPECT_LT(trend.interval.hi, 0.3);
}

TEST(SegmentedTheilSen, SegmentsShareTheirEvidence) {
  base::Random random(3);
  std::vector<std::vector<double>> xs, ys;
  std::vector<Segment> segments;
  for (int s = 0; s < 4; ++s) {
    xs.push_back(ramp(30, 100.0 * s, 1));
    ys.emplace_back();
    for (int i = 0; i < 30; ++i) ys.back().push_back(1000.0 * s + 0.5 * i + 3 * random.normal());
  }
  for (int s = 0; s < 4; ++s) segments.push_back({xs[s], ys[s]});
  const auto one = segmented_theil_sen({segments.data(), 1});
  const auto all = segmented_theil_sen(segments);
  EXPECT_TRUE(all.interval.contains(0.5));
  EXPECT_LT(all.interval.hi - all.interval.lo, 0.7 * (one.interval.hi - one.interval.lo));
}

/// Share of level series of autocorrelated noise whose interval does not hold 0.
double false_alarms(double r, bool with_plain) {
  int alarms = 0;
  constexpr int kSeries = 300;
  for (int series = 0; series < kSeries; ++series) {
    base::Random random(static_cast<std::uint64_t>(series) + 1);
    const auto x = ramp(150, 0, 1);
    std::vector<double> y;
    double noise = 0;
    for (std::size_t i = 0; i < x.size(); ++i) y.push_back(noise = r * noise + random.normal());
    const Segment segment{x, y};
    const auto trend = with_plain ? theil_sen(x, y) : segmented_theil_sen({&segment, 1});
    alarms += trend.interval.contains(0) ? 0 : 1;
  }
  return static_cast<double>(alarms) / kSeries;
}

TEST(SegmentedTheilSen, DependentNoiseIsNotTakenForATrend) {
  EXPECT_LT(false_alarms(0, false), 0.08);
  EXPECT_LT(false_alarms(0.7, false), 0.10);
  EXPECT_GT(false_alarms(0.7, true), 0.25) << "what the correction is for";
}

TEST(SegmentedTheilSen, ASteepBendIsStillBounded) {
  // Its residuals are as dependent as can be, and yet it rises everywhere.
  const auto x = ramp(14, 0, 1);
  std::vector<double> y;
  for (const double t : x) y.push_back(60 * t + 2 * t * t);
  const Segment segment{x, y};
  const auto trend = segmented_theil_sen({&segment, 1});
  EXPECT_TRUE(trend.interval.bounded());
  EXPECT_GT(trend.interval.lo, 60);
}

TEST(SegmentedTheilSen, WhatStandsBesideIsPartialledOut) {
  base::Random random(11);
  std::vector<double> x, y, context;
  for (int i = 0; i < 200; ++i) {
    x.push_back(i);
    context.push_back(i % 40);
    y.push_back(50 - 0.3 * context.back() + 0.01 * i + 0.2 * random.normal());
  }
  const Segment segment{x, y, context};
  const auto trend = segmented_theil_sen({&segment, 1});
  EXPECT_TRUE(trend.interval.contains(0.01));
  EXPECT_LT(trend.interval.hi - trend.interval.lo, 0.01);
}

TEST(SegmentedTheilSen, TimeThatCannotBeToldFromTheContextSaysNothing) {
  base::Random random(5);
  std::vector<double> x, y, context;
  for (int i = 0; i < 60; ++i) {
    x.push_back(i);
    context.push_back(100.0 * i + random.normal());  // grows with time, never begins anew
    y.push_back(50 - 0.002 * context.back() + 0.1 * random.normal());
  }
  const Segment segment{x, y, context};
  const auto trend = segmented_theil_sen({&segment, 1});
  EXPECT_TRUE(trend.interval.contains(0));
  EXPECT_GT(trend.interval.hi - trend.interval.lo, 1);
}

TEST(SegmentedTheilSen, TooFewPointsBoundNothing) {
  const auto x = ramp(5, 0, 1);
  const Segment segment{x, x};
  const auto trend = segmented_theil_sen({&segment, 1});
  EXPECT_TRUE(std::isnan(trend.slope));
  EXPECT_FALSE(trend.interval.bounded());
  EXPECT_EQ(trend.n, 5);
  EXPECT_TRUE(std::isnan(segmented_theil_sen({}).slope));
}

}  // namespace
}  // namespace moestress::stats

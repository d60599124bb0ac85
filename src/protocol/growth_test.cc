#include "protocol/growth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace moestress::protocol {
namespace {

using ::testing::HasSubstr;

constexpr std::array kTokens{100.0, 200.0, 300.0, 400.0, 500.0, 600.0};

Growth of(double a, double b, double c) {
  std::vector<double> figures;
  for (const double x : kTokens) figures.push_back(a + b * x + c * x * x);
  return growth(kTokens, figures, 600);
}

TEST(Growth, ALineDoesNotBend) {
  const auto line = of(50, 2, 0);
  EXPECT_FALSE(line.bends_up());
  EXPECT_NEAR(line.linear_part(), 1200, 1e-6);
  EXPECT_NEAR(line.extra(), 0, 1e-6);
  EXPECT_THAT(describe(line, "TTFT", "ms"), HasSubstr("TTFT changes by 2 ms a token, on a line (6 steps"));
}

TEST(Growth, AParabolaBends) {
  const auto curve = of(50, 2, 0.01);
  EXPECT_TRUE(curve.bends_up());
  EXPECT_NEAR(curve.extra(), 3600, 1e-6);
  EXPECT_NEAR(curve.without_bend(), 1250, 1e-6);
  EXPECT_THAT(describe(curve, "TTFT", "ms"), HasSubstr("bends upwards"));
  EXPECT_FALSE(of(50, 2, -0.001).bends_up());
  EXPECT_THAT(describe(of(50, 2, -0.001), "TTFT", "ms"), HasSubstr("bends downwards"));
}

TEST(Growth, NoiseIsNotCalledGrowth) {
  const std::array figures{50.0, 70.0, 40.0, 66.0, 45.0, 61.0};
  EXPECT_THAT(describe(growth(kTokens, figures, 600), "TTFT", "ms"), HasSubstr("is not seen to change"));
}

TEST(Growth, ThreePointsShowNoBend) {
  const std::vector<double> tokens{1, 2, 3}, figures{1, 4, 9};
  EXPECT_FALSE(growth(tokens, figures, 3).bends_up());
  EXPECT_THAT(describe(growth(tokens, figures, 3), "TTFT", "ms"), HasSubstr("can't tell"));
  EXPECT_FALSE(growth({}, {}, 3).bends_up());
  EXPECT_THAT(describe(growth({}, {}, 3), "TTFT", "ms"), HasSubstr("too few"));
}

}  // namespace
}  // namespace moestress::protocol

#include "workload/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace moestress::workload {
namespace {

TEST(Arrivals, ConstantIsExactHoweverLong) {
  const auto starts = arrivals(ArrivalKind::Constant, 3, 300'001, 1);
  EXPECT_EQ(starts[0], base::Duration(0));
  EXPECT_EQ(starts[1], base::Duration(333'333'333));
  EXPECT_EQ(starts[300'000], std::chrono::seconds(100'000));
}

TEST(Arrivals, PoissonHasExponentialGapsOfTheRightMean) {
  const std::size_t n = 20'000;
  const auto starts = arrivals(ArrivalKind::Poisson, 50, n, 7);
  ASSERT_TRUE(std::is_sorted(starts.begin(), starts.end()));
  EXPECT_GT(starts[0].count(), 0);
  double sum = 0, sum_squares = 0;
  std::size_t over_mean = 0;
  for (std::size_t i = 1; i < n; ++i) {
    const double gap = base::to_seconds(starts[i] - starts[i - 1]);
    sum += gap;
    sum_squares += gap * gap;
    over_mean += gap > 0.02 ? 1 : 0;
  }
  const double mean = sum / static_cast<double>(n - 1);
  EXPECT_NEAR(mean, 0.02, 0.02 * 4 / std::sqrt(n));
  // standard deviation equals the mean, and exp(-1) of the gaps are longer than it
  EXPECT_NEAR(std::sqrt(sum_squares / static_cast<double>(n - 1) - mean * mean), 0.02, 0.001);
  EXPECT_NEAR(static_cast<double>(over_mean) / static_cast<double>(n - 1), std::exp(-1.0), 0.015);
}

TEST(Arrivals, TheSeedDecides) {
  EXPECT_EQ(arrivals(ArrivalKind::Poisson, 1, 100, 5), arrivals(ArrivalKind::Poisson, 1, 100, 5));
  EXPECT_NE(arrivals(ArrivalKind::Poisson, 1, 100, 5), arrivals(ArrivalKind::Poisson, 1, 100, 6));
  EXPECT_TRUE(arrivals(ArrivalKind::Poisson, 1, 0, 5).empty());
}

TEST(Arrivals, MoreRequestsDoNotMoveTheFirstOnes) {
  const auto few = arrivals(ArrivalKind::Poisson, 2, 10, 3);
  const auto many = arrivals(ArrivalKind::Poisson, 2, 20, 3);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
}

std::vector<double> seconds(const std::vector<base::Duration>& starts) {
  std::vector<double> out;
  for (const auto start : starts) out.push_back(base::to_seconds(start));
  return out;
}

TEST(Arrivals, GammaGapsKeepTheMeanAndComeInBunches) {
  const std::size_t n = 40'000;
  const auto starts = arrivals(ArrivalKind::Gamma, 50, n, 7);
  double sum = 0, sum_squares = 0;
  for (std::size_t i = 1; i < n; ++i) {
    const double gap = base::to_seconds(starts[i] - starts[i - 1]);
    sum += gap;
    sum_squares += gap * gap;
  }
  const double mean = sum / static_cast<double>(n - 1);
  const double deviation = std::sqrt(sum_squares / static_cast<double>(n - 1) - mean * mean);
  EXPECT_NEAR(mean, 0.02, 0.02 * 2 * 4 / std::sqrt(n));
  EXPECT_NEAR(deviation / mean, 1 / std::sqrt(kBurstShape), 0.1);
}

TEST(Arrivals, EveryKindKeepsItsMeanRateWithinTheDuration) {
  const auto duration = std::chrono::seconds(200);
  for (const auto kind : {ArrivalKind::Constant, ArrivalKind::Poisson, ArrivalKind::Gamma, ArrivalKind::Ramp,
                          ArrivalKind::Diurnal}) {
    const auto starts = arrivals_within(kind, 50, duration, 3);
    ASSERT_TRUE(std::is_sorted(starts.begin(), starts.end())) << to_string(kind);
    EXPECT_LT(starts.back(), duration);
    // 10,000 expected; a count of gamma gaps has twice a Poisson count's deviation of 100
    EXPECT_NEAR(static_cast<double>(starts.size()), 10'000, 800) << to_string(kind);
    EXPECT_EQ(starts, arrivals_within(kind, 50, duration, 3));
  }
  EXPECT_EQ(arrivals_within(ArrivalKind::Constant, 2, std::chrono::seconds(3), 1).size(), 6U);
}

TEST(Arrivals, ARampRisesAndADayHasItsNoon) {
  const auto ramp = seconds(arrivals_within(ArrivalKind::Ramp, 100, std::chrono::seconds(100), 5));
  const auto in = [](const std::vector<double>& starts, double from, double to) {
    return static_cast<double>(
        std::count_if(starts.begin(), starts.end(), [&](double at) { return from <= at && at < to; }));
  };
  // A quarter of a ramp's requests comes in its first half: the integral of 2x.
  EXPECT_NEAR(in(ramp, 0, 50) / static_cast<double>(ramp.size()), 0.25, 0.02);
  const auto day = seconds(arrivals_within(ArrivalKind::Diurnal, 100, std::chrono::seconds(100), 5));
  // ∫ 1 − 0.8 cos over the middle half: 1/2 + 0.8/π
  EXPECT_NEAR(in(day, 25, 75) / static_cast<double>(day.size()), 0.5 + kDiurnalDepth / std::numbers::pi,
              0.02);
  EXPECT_LT(in(day, 0, 5), 0.3 * in(day, 47.5, 52.5));
}

TEST(ArrivalTrace, OffsetsFromTheEarliestInOrder) {
  const auto starts = parse_arrival_trace("time,tokens\n# night\n12.5,3\n10\r\n\n10.25;x\n", "t.csv");
  ASSERT_TRUE(starts.has_value());
  EXPECT_EQ(seconds(*starts), (std::vector<double>{0, 0.25, 2.5}));
}

TEST(ArrivalTrace, SaysWhereItIsWrong) {
  EXPECT_EQ(parse_arrival_trace("1\nsoon\n", "t.csv").error().message,
            "t.csv:2: \"soon\" does not begin with an instant in seconds");
  EXPECT_FALSE(parse_arrival_trace("", "t.csv").has_value());
  EXPECT_FALSE(parse_arrival_trace("seconds\n", "t.csv").has_value());
  EXPECT_FALSE(parse_arrival_trace("1\nnan\n", "t.csv").has_value());
  EXPECT_TRUE(parse_arrival_trace("-1e300\n1e300\n", "t.csv").has_value()) << "bounded, not overflowed";
  EXPECT_FALSE(read_arrival_trace("/nowhere/trace.csv").has_value());
  EXPECT_FALSE(read_arrival_trace("/").has_value());
}

}  // namespace
}  // namespace moestress::workload

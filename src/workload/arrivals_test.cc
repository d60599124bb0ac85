#include "workload/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

}  // namespace
}  // namespace moestress::workload

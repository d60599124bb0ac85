#include "stats/quantile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace moestress::stats {
namespace {

const std::vector<double> kValues = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};

TEST(Quantile, IsTypeSeven) {
  EXPECT_DOUBLE_EQ(quantile(kValues, 0.5), 4);
  EXPECT_DOUBLE_EQ(quantile(kValues, 0.9), 6);
  EXPECT_DOUBLE_EQ(quantile(kValues, 0.95), 7.5);
  EXPECT_DOUBLE_EQ(quantile(kValues, 0.99), 8.7);
  EXPECT_DOUBLE_EQ(quantile(kValues, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(kValues, 1), 9);
}

TEST(Quantile, EdgeCases) {
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
  EXPECT_TRUE(std::isnan(quantile({NAN, INFINITY}, 0.5)));
  EXPECT_TRUE(std::isnan(quantile({1}, NAN)));
  EXPECT_EQ(quantile({7}, 0.99), 7);
  EXPECT_EQ(quantile({NAN, 2, -INFINITY}, 0.1), 2);
  EXPECT_EQ(quantile({1, 2}, 1.5), 2);
}

TEST(QuantileInterval, AgreesWithReferenceRanks) {
  std::vector<double> sorted(20);
  std::iota(sorted.begin(), sorted.end(), 1.0);
  const Interval median = quantile_interval(sorted, 0.5);
  EXPECT_EQ(median.lo, 6);
  EXPECT_EQ(median.hi, 15);
  sorted.resize(1000);
  std::iota(sorted.begin(), sorted.end(), 1.0);
  const Interval tail = quantile_interval(sorted, 0.99);
  EXPECT_EQ(tail.lo, 983);
  EXPECT_EQ(tail.hi, 997);
}

TEST(QuantileInterval, AnEndThatNoSampleBoundsIsInfinite) {
  const std::vector<double> few = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const Interval interval = quantile_interval(few, 0.99);
  EXPECT_TRUE(std::isfinite(interval.lo));
  EXPECT_EQ(interval.hi, INFINITY);
  EXPECT_FALSE(quantile_interval({}, 0.5).bounded());
  EXPECT_FALSE(quantile_interval(few, NAN).bounded());
  EXPECT_EQ(quantile_interval(std::vector<double>{5}, 0.5).lo, -INFINITY);
}

TEST(QuantileInterval, CoversAtLeastAtItsConfidence) {
  base::Random random(3);
  const double truth = std::log(10.0);  // p90 of a standard exponential
  int covered = 0;
  constexpr int kRuns = 3000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> values(150);
    for (double& value : values) value = random.exponential(1);
    std::sort(values.begin(), values.end());
    covered += quantile_interval(values, 0.9).contains(truth) ? 1 : 0;
  }
  EXPECT_GT(covered / static_cast<double>(kRuns), 0.945);
  EXPECT_LT(covered / static_cast<double>(kRuns), 0.985);
}

TEST(SamplesForQuantile, GivesTheStatedSizes) {
  EXPECT_EQ(samples_for_quantile(0.99, 0.99), 662);
  EXPECT_EQ(samples_for_quantile(0.9, 0.99), 64);
  EXPECT_EQ(samples_for_quantile(0.95, 0.99), 130);
  EXPECT_EQ(samples_for_quantile(0.95, 0.95), 93);  // the textbook 95/95 tolerance interval
  EXPECT_EQ(samples_for_quantile(0.01, 0.99), 662);
  EXPECT_EQ(samples_for_quantile(0.5, 0.01), 2);
  for (double q : std::vector<double>{0, 1, -1, NAN}) EXPECT_EQ(samples_for_quantile(q, 0.99), INT_MAX);
  EXPECT_EQ(samples_for_quantile(0.9, 1), INT_MAX);
  EXPECT_EQ(samples_for_quantile(1 - 1e-12, 0.99), INT_MAX);
}

TEST(Summarize, AgreesWithReference) {
  const Summary summary = summarize(kValues);
  EXPECT_EQ(summary.n, 11);
  EXPECT_DOUBLE_EQ(summary.mean, 4);
  EXPECT_NEAR(summary.stddev, 2.3664319132398464, 1e-12);
  EXPECT_EQ(summary.min, 1);
  EXPECT_DOUBLE_EQ(summary.p5, 1);
  EXPECT_EQ(summary.median, 4);
  EXPECT_DOUBLE_EQ(summary.p90, 6);
  EXPECT_DOUBLE_EQ(summary.p95, 7.5);
  EXPECT_DOUBLE_EQ(summary.p99, 8.7);
  EXPECT_EQ(summary.max, 9);
}

TEST(Summarize, EdgeCases) {
  const Summary none = summarize({});
  EXPECT_EQ(none.n, 0);
  EXPECT_TRUE(std::isnan(none.mean));
  EXPECT_TRUE(std::isnan(none.p99));
  const Summary one = summarize(std::vector<double>{NAN, 4});
  EXPECT_EQ(one.n, 1);
  EXPECT_EQ(one.mean, 4);
  EXPECT_TRUE(std::isnan(one.stddev));
  EXPECT_EQ(summarize(std::vector<double>{2, 2}).stddev, 0);
  EXPECT_EQ(summarize(std::vector<double>(73, 1.0)).mean, 1);  // not a little less, by adding up 1/73
}

}  // namespace
}  // namespace moestress::stats

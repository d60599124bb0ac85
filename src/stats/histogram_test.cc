#include "stats/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"

namespace moestress::stats {
namespace {

using base::Duration;

TEST(LatencyHistogram, ReadsBackEveryMagnitudeWithinOnePercent) {
  for (double magnitude = 0; magnitude < 18.9; magnitude += 0.003) {
    const auto value = static_cast<std::int64_t>(std::pow(10, magnitude));
    LatencyHistogram histogram;
    // Neighbours far out keep min and max from giving the value away.
    histogram.add(Duration{0});
    histogram.add(Duration{value});
    histogram.add(Duration::max());
    const auto got = static_cast<double>(histogram.quantile(0.5).count());
    ASSERT_LE(std::abs(got - static_cast<double>(value)) / static_cast<double>(value), 0.008) << value;
    if (value < 128) {
      ASSERT_EQ(got, static_cast<double>(value));
    }
  }
}

TEST(LatencyHistogram, QuantilesOfASampleAreWithinOnePercent) {
  base::Random random(31);
  LatencyHistogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<std::int64_t>(random.exponential(50e6)));
    histogram.add(Duration{values.back()});
  }
  std::sort(values.begin(), values.end());
  for (double q : {0.01, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(values[static_cast<std::size_t>(std::ceil(q * 20000)) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.quantile(q).count()), exact, 0.01 * exact) << q;
  }
  EXPECT_EQ(histogram.quantile(1).count(), values.back());
  EXPECT_EQ(histogram.min().count(), values.front());
  EXPECT_EQ(histogram.max().count(), values.back());
}

TEST(LatencyHistogram, EmptyOneValueAndNegative) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.quantile(0.5).count(), 0);
  EXPECT_EQ(histogram.mean().count(), 0);
  histogram.add(Duration{-1});
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.rejected(), 1);
  histogram.add(Duration{1234567});
  EXPECT_EQ(histogram.quantile(0).count(), 1234567);
  EXPECT_EQ(histogram.quantile(0.99).count(), 1234567);
  EXPECT_EQ(histogram.mean().count(), 1234567);
}

TEST(LatencyHistogram, MergingIsAddingAll) {
  base::Random random(37);
  LatencyHistogram left;
  LatencyHistogram right;
  LatencyHistogram all;
  for (int i = 0; i < 1000; ++i) {
    const Duration value{static_cast<std::int64_t>(random.below(1'000'000'000))};
    (i % 3 == 0 ? left : right).add(value);
    all.add(value);
  }
  left.add(Duration{-1});
  LatencyHistogram merged;
  merged.merge(left);
  merged.merge(right);
  merged.merge(LatencyHistogram());
  EXPECT_EQ(merged.count(), 1000);
  EXPECT_EQ(merged.rejected(), 1);
  EXPECT_EQ(merged.min(), all.min());
  EXPECT_EQ(merged.max(), all.max());
  EXPECT_NEAR(base::to_ms(merged.mean()), base::to_ms(all.mean()), 1e-5);
  for (double q : {0.0, 0.3, 0.5, 0.99}) EXPECT_EQ(merged.quantile(q), all.quantile(q));
}

}  // namespace
}  // namespace moestress::stats

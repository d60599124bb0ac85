#include "stats/fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace moestress::stats {
namespace {

using Values = std::vector<double>;

TEST(LinearFit, AgreesWithReference) {
  const auto fit = linear_fit(Values{1, 2, 3, 4, 5}, Values{2.2, 4.1, 6.2, 7.9, 10.1});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->slope, 1.96, 1e-12);
  EXPECT_NEAR(fit->intercept, 0.22, 1e-12);
  EXPECT_NEAR(fit->slope_interval.lo, 1.8381215855337072, 1e-9);
  EXPECT_NEAR(fit->slope_interval.hi, 2.081878414466293, 1e-9);
  EXPECT_NEAR(fit->intercept_interval.lo, -0.18422497082811856, 1e-9);
  EXPECT_NEAR(fit->intercept_interval.hi, 0.6242249708281162, 1e-9);
  EXPECT_NEAR(fit->r2, 0.9988559542381698, 1e-12);
  EXPECT_EQ(fit->n, 5);
}

TEST(LinearFit, TooFewPoints) {
  EXPECT_FALSE(linear_fit({}, {}));
  EXPECT_FALSE(linear_fit(Values{1}, Values{1}));
  EXPECT_FALSE(linear_fit(Values{2, 2, 2}, Values{1, 2, 3}));
  EXPECT_FALSE(linear_fit(Values{1, 2, NAN}, Values{1, NAN, 3}));
  const auto two = linear_fit(Values{1, 2}, Values{5, 3});
  ASSERT_TRUE(two);
  EXPECT_DOUBLE_EQ(two->slope, -2);
  EXPECT_DOUBLE_EQ(two->intercept, 7);
  EXPECT_FALSE(two->slope_interval.bounded());
}

TEST(LinearFit, ExactAndConstantData) {
  const auto exact = linear_fit(Values{1e9, 2e9, 3e9, 4e9}, Values{3e9 + 1, 5e9 + 1, 7e9 + 1, 9e9 + 1});
  ASSERT_TRUE(exact);
  EXPECT_TRUE(exact->slope_interval.contains(2));
  EXPECT_LT(exact->slope_interval.hi - exact->slope_interval.lo, 1e-12);
  EXPECT_DOUBLE_EQ(exact->r2, 1);
  const auto constant = linear_fit(Values{1, 2, 3}, Values{4, 4, 4});
  ASSERT_TRUE(constant);
  EXPECT_EQ(constant->slope, 0);
  EXPECT_EQ(constant->r2, 1);
  EXPECT_TRUE(constant->slope_interval.contains(0));
}

TEST(QuadraticFit, AgreesWithReference) {
  const auto fit = quadratic_fit(Values{0, 1, 2, 3, 4, 5}, Values{1.1, 1.9, 5.2, 9.8, 17.1, 26.2});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->a, 1.08928571, 1e-8);
  EXPECT_NEAR(fit->b, -0.11392857, 1e-8);
  EXPECT_NEAR(fit->c, 1.02678571, 1e-8);
  EXPECT_NEAR(fit->c_interval.lo, 0.9311163295727701, 1e-9);
  EXPECT_NEAR(fit->c_interval.hi, 1.1224550989986566, 1e-9);
}

TEST(QuadraticFit, TooFewPoints) {
  EXPECT_FALSE(quadratic_fit({}, {}));
  EXPECT_FALSE(quadratic_fit(Values{1, 2}, Values{1, 2}));
  EXPECT_FALSE(quadratic_fit(Values{1, 2, 1, 2}, Values{1, 2, 3, 4}));
  const auto three = quadratic_fit(Values{0, 1, 2}, Values{0, 1, 4});
  ASSERT_TRUE(three);
  EXPECT_NEAR(three->c, 1, 1e-12);
  EXPECT_FALSE(three->c_interval.bounded());
}

TEST(QuadraticFit, ExactLineOfBytesHasNoCurve) {
  // KV bytes against context tokens, as an engine's own books give them: no noise at all.
  for (std::size_t n : {4U, 8U, 100U, 5000U}) {
    Values x;
    Values y;
    for (std::size_t i = 1; i <= n; ++i) {
      x.push_back(512.0 * static_cast<double>(i));
      y.push_back(3.7e9 + 49152.0 * x.back());
    }
    const auto fit = quadratic_fit(x, y);
    ASSERT_TRUE(fit);
    EXPECT_TRUE(fit->c_interval.contains(0)) << n << ": " << fit->c_interval.lo << " " << fit->c_interval.hi;
    EXPECT_NEAR(fit->b, 49152, 1e-3) << n;
  }
}

TEST(QuadraticFit, ExactCurveIsFoundOnTopOfALargeOffset) {
  Values x;
  Values y;
  for (int i = 1; i <= 8; ++i) {
    x.push_back(1024.0 * i);
    y.push_back(1e10 + 1000 * x.back() + 0.5 * x.back() * x.back());
  }
  const auto fit = quadratic_fit(x, y);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->c, 0.5, 1e-9);
  EXPECT_NEAR(fit->b, 1000, 1e-5);
  EXPECT_NEAR(fit->a, 1e10, 1e-1);
  EXPECT_FALSE(fit->c_interval.contains(0));
}

TEST(QuadraticFit, IntervalOfTheQuadraticTermCoversAtItsConfidence) {
  base::Random random(23);
  int covered = 0;
  constexpr int kRuns = 3000;
  for (int run = 0; run < kRuns; ++run) {
    Values x;
    Values y;
    for (int i = 0; i < 8; ++i) {
      x.push_back(i);
      y.push_back(5 + 2 * x.back() + random.normal());
    }
    covered += quadratic_fit(x, y)->c_interval.contains(0) ? 1 : 0;
  }
  EXPECT_NEAR(covered / static_cast<double>(kRuns), 0.95, 0.012);
}

}  // namespace
}  // namespace moestress::stats

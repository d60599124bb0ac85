#include "stats/significance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace moestress::stats {
namespace {

using Values = std::vector<double>;

TEST(MannWhitney, ExactAgreesWithReference) {
  EXPECT_NEAR(mann_whitney(Values{1.1, 2.2, 3.3, 4.4, 5.5}, Values{2.0, 3.1, 4.2, 6.0, 7.5, 8.8}),
              0.32900432900432897, 1e-12);
  // Three against three, wholly apart: 2 of the 20 orders.
  EXPECT_NEAR(mann_whitney(Values{1, 2, 3}, Values{4, 5, 6}), 0.1, 1e-12);
  EXPECT_NEAR(mann_whitney(Values{4, 5, 6}, Values{1, 2, 3}), 0.1, 1e-12);
}

TEST(MannWhitney, ApproximationAgreesWithReference) {
  EXPECT_NEAR(mann_whitney(Values{1, 2, 2, 3, 3, 3, 4}, Values{2, 3, 4, 4, 5, 5, 6, 6}), 0.025144761173357368,
              1e-12);
  Values a;
  Values b;
  for (int i = 0; i < 30; ++i) {
    a.push_back(i);
    b.push_back(i * 1.1 + 3.05);
  }
  EXPECT_NEAR(mann_whitney(a, b), 0.0772719759293395, 1e-12);
}

TEST(MannWhitney, EdgeCases) {
  EXPECT_EQ(mann_whitney({}, Values{1}), 1);
  EXPECT_EQ(mann_whitney(Values{NAN}, Values{1}), 1);
  EXPECT_EQ(mann_whitney(Values{2, 2, 2}, Values{2, 2}), 1);
  EXPECT_EQ(mann_whitney(Values{1}, Values{2}), 1);
}

TEST(MannWhitney, FalseAlarmsAreAsRareAsPSays) {
  base::Random random(29);
  int alarms = 0;
  constexpr int kRuns = 4000;
  for (int run = 0; run < kRuns; ++run) {
    Values a(9);
    Values b(9);
    for (double& value : a) value = random.exponential(1);
    for (double& value : b) value = random.exponential(1);
    alarms += mann_whitney(a, b) <= 0.05 ? 1 : 0;
  }
  EXPECT_LT(alarms / static_cast<double>(kRuns), 0.05);
  EXPECT_GT(alarms / static_cast<double>(kRuns), 0.025);
}

TEST(Shift, IsTheMedianOfDifferences) {
  EXPECT_EQ(shift(Values{1, 2, 3}, Values{11, 12, 13}), 10);
  EXPECT_EQ(shift(Values{1, 2, 100}, Values{3, 4}), 1.5);  // 2, 3, 1, 2, −97, −96
  EXPECT_TRUE(std::isnan(shift({}, Values{1})));
  Values many;
  for (int i = 0; i < 10000; ++i) many.push_back(i);
  Values moved = many;
  for (double& value : moved) value += 7;
  EXPECT_NEAR(shift(many, moved), 7, 5);
}

TEST(McNemar, AgreesWithReference) {
  EXPECT_NEAR(mcnemar_exact(2, 10), 0.03857421875, 1e-12);
  EXPECT_NEAR(mcnemar_exact(20, 5), 0.004077315330505371, 1e-12);
  EXPECT_EQ(mcnemar_exact(0, 0), 1);
  EXPECT_EQ(mcnemar_exact(3, 3), 1);
  EXPECT_NEAR(mcnemar_exact(0, 6), 2.0 / 64, 1e-13);
  EXPECT_EQ(mcnemar_exact(-4, 0), 1);
}

TEST(PermutationP, IsNeverZero) {
  EXPECT_DOUBLE_EQ(permutation_p(0, 999), 0.001);
  EXPECT_DOUBLE_EQ(permutation_p(999, 999), 1);
  EXPECT_DOUBLE_EQ(permutation_p(0, 0), 1);
  EXPECT_DOUBLE_EQ(permutation_p(5, 3), 1);
  EXPECT_DOUBLE_EQ(permutation_p(2.0, Values{1, 2, 3, 0.5}), 3.0 / 5);
  EXPECT_DOUBLE_EQ(permutation_p(0.3, Values{0.1 + 0.2}), 1);
  EXPECT_DOUBLE_EQ(permutation_p(0.1 + 0.2, Values{0.3}), 1);  // equal up to rounding
}

TEST(Holm, AdjustsInTheOrderGiven) {
  // Holm's own procedure by hand: 0.01·4, 0.02·3, 0.03·2 (kept up to 0.06), 0.04·1 (kept up).
  const Values adjusted = holm(Values{0.03, 0.01, 0.04, 0.02});
  EXPECT_NEAR(adjusted[0], 0.06, 1e-12);
  EXPECT_NEAR(adjusted[1], 0.04, 1e-12);
  EXPECT_NEAR(adjusted[2], 0.06, 1e-12);
  EXPECT_NEAR(adjusted[3], 0.06, 1e-12);
}

TEST(Holm, EdgeCases) {
  EXPECT_TRUE(holm({}).empty());
  EXPECT_EQ(holm(Values{0.04}), Values{0.04});
  EXPECT_EQ(holm(Values{0.7, 0.9}), (Values{1, 1}));
  const Values with_hole = holm(Values{NAN, 0.02, 0.5});
  EXPECT_TRUE(std::isnan(with_hole[0]));
  EXPECT_DOUBLE_EQ(with_hole[1], 0.04);
  EXPECT_DOUBLE_EQ(with_hole[2], 0.5);
}

}  // namespace
}  // namespace moestress::stats

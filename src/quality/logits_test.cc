#include "quality/logits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace moestress::quality {
namespace {

using Row = std::vector<float>;

Row logs(std::initializer_list<double> probabilities, double offset = 0) {
  Row row;
  for (double p : probabilities) row.push_back(static_cast<float>(std::log(p) + offset));
  return row;
}

TEST(TopToken, TakesTheLowestOfEqualOnes) {
  EXPECT_EQ(top_token(Row{1, 3, 3, 2}), 1U);
  EXPECT_EQ(top_token(Row{-5}), 0U);
}

TEST(TopMargin, IsBetweenTheTwoBest) {
  EXPECT_DOUBLE_EQ(top_margin_nats(Row{1, 4, 2.5, 3}), 1);
  EXPECT_DOUBLE_EQ(top_margin_nats(Row{4, 1}), 3);
  EXPECT_DOUBLE_EQ(top_margin_nats(Row{2, 2, -1}), 0);
  EXPECT_EQ(top_margin_nats(Row{2}), 0);
  EXPECT_EQ(top_margin_nats(Row{}), 0);
}

TEST(CompareRows, AgreesWithHandReckoning) {
  // KL((½, ¼, ¼) ‖ (¼, ½, ¼)) = ½ ln 2 − ¼ ln 2. An offset of all logits changes nothing.
  const RowComparison row = compare_rows(logs({0.5, 0.25, 0.25}), logs({0.25, 0.5, 0.25}, 7), 1);
  EXPECT_EQ(row.baseline_top, 0U);
  EXPECT_EQ(row.other_top, 1U);
  EXPECT_NEAR(row.kl_nats, std::log(2) / 4, 1e-6);
  EXPECT_NEAR(row.margin_nats, std::log(2), 1e-6);
  EXPECT_NEAR(row.baseline_log_p, std::log(0.25), 1e-6);
  EXPECT_NEAR(row.other_log_p, std::log(0.5), 1e-6);
}

TEST(CompareRows, EqualRowsDivergeByNothing) {
  base::Random random(71);
  Row row;
  for (int i = 0; i < 5000; ++i) row.push_back(static_cast<float>(5 * random.normal()));
  const RowComparison same = compare_rows(row, row, 4);
  EXPECT_EQ(same.kl_nats, 0);
  EXPECT_EQ(same.margin_nats, 0);
  EXPECT_EQ(same.baseline_log_p, same.other_log_p);
}

TEST(CompareRows, SmallDivergencesAreNotLostInRounding) {
  // Logits moved by noise of σ diverge by σ²/2·(1 − Σp²) on average.
  base::Random random(72);
  Row baseline;
  Row other;
  double squares = 0;
  double sum = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto logit = static_cast<float>(2 * random.normal());
    baseline.push_back(logit);
    other.push_back(logit + static_cast<float>(1e-4 * random.normal()));
    sum += std::exp(static_cast<double>(logit));
    squares += std::exp(2 * static_cast<double>(logit));
  }
  const double kl = compare_rows(baseline, other, 0).kl_nats;
  EXPECT_NEAR(kl / (0.5e-8 * (1 - squares / sum / sum)), 1, 0.2);
}

TEST(CompareRows, WideLogitsStayFinite) {
  const RowComparison row = compare_rows(Row{900, -900, 0}, Row{-900, 900, 0}, 2);
  EXPECT_NEAR(row.kl_nats, 1800, 1e-9);
  EXPECT_NEAR(row.margin_nats, 1800, 1e-9);
  EXPECT_NEAR(row.baseline_log_p, -900, 1e-9);
}

}  // namespace
}  // namespace moestress::quality

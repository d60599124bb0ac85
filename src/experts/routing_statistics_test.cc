#include "experts/routing_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

constexpr std::uint16_t kAbsent = record::RoutingTrace::kAbsent;
using Traces = std::vector<record::RoutingTrace>;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(LayerStatistics, AgreeWithHandReckoning) {
  // Expert 0 three times, 1 twice, 2 once, 3 never: six choices by three tokens. A fourth token has no entry.
  const Traces traces = {one_layer(4, {{0, 1}, {0, 1}, {0, 2}}), one_layer(4, {{kAbsent, kAbsent}})};
  const auto layers = layer_statistics(traces);
  ASSERT_EQ(layers.size(), 1U);
  const LayerStatistics& layer = layers[0];
  EXPECT_EQ(layer.layer, 5);
  EXPECT_EQ(layer.tokens, 3);  // the absent one is left out
  EXPECT_THAT(layer.share, ElementsAre(3.0 / 6, 2.0 / 6, 1.0 / 6, 0.0));
  EXPECT_DOUBLE_EQ(layer.coverage, 0.75);
  EXPECT_DOUBLE_EQ(layer.coverage_by_chance, 1 - 0.125);
  const double entropy = 0.5 * std::log(2) + std::log(3) / 3 + std::log(6) / 6;
  EXPECT_NEAR(layer.entropy_normalised, entropy / std::log(4), 1e-12);
  EXPECT_NEAR(layer.effective_experts, std::exp(entropy), 1e-12);
  EXPECT_NEAR(layer.gini, (-3 * 0.0 - 1 * 1 + 1 * 2 + 3 * 3) / 6.0 / 4, 1e-12);
  EXPECT_NEAR(layer.cv, std::sqrt(1.25) / 1.5, 1e-12);  // counts 3, 2, 1, 0
  EXPECT_NEAR(layer.jain, 36.0 / (4 * 14), 1e-12);
  EXPECT_EQ(layer.share_min, 0);
  EXPECT_EQ(layer.share_max, 0.5);
  EXPECT_THAT(layer.dead, ElementsAre(3));
  EXPECT_THAT(layer.hot, IsEmpty());  // exactly twice the mean is not more than twice
  ASSERT_TRUE(layer.balance_loss);
  EXPECT_NEAR(*layer.balance_loss, 4 * (9 + 4 + 1) / 36.0, 1e-6);
}

TEST(LayerStatistics, UniformAndCollapsedAreTheEnds) {
  std::vector<std::vector<std::uint16_t>> each;
  for (std::uint16_t e = 0; e < 8; ++e) each.push_back({e});
  const auto uniform = layer_statistics(Traces{one_layer(8, each)})[0];
  EXPECT_NEAR(uniform.entropy_normalised, 1, 1e-12);
  EXPECT_NEAR(uniform.effective_experts, 8, 1e-12);
  EXPECT_NEAR(uniform.gini, 0, 1e-12);
  EXPECT_NEAR(uniform.cv, 0, 1e-12);
  EXPECT_NEAR(uniform.jain, 1, 1e-12);
  EXPECT_NEAR(*uniform.balance_loss, 1, 1e-6);
  EXPECT_EQ(uniform.coverage, 1);

  const auto collapsed = layer_statistics(Traces{one_layer(8, {{3}, {3}, {3}})})[0];
  EXPECT_EQ(collapsed.entropy_normalised, 0);
  EXPECT_EQ(collapsed.effective_experts, 1);
  EXPECT_NEAR(collapsed.gini, 1 - 1.0 / 8, 1e-12);
  EXPECT_NEAR(collapsed.jain, 1.0 / 8, 1e-12);
  EXPECT_NEAR(*collapsed.balance_loss, 8, 1e-6);
  EXPECT_THAT(collapsed.hot, ElementsAre(3));
  EXPECT_EQ(collapsed.dead.size(), 7U);
}

TEST(LayerStatistics, EdgeCases) {
  EXPECT_TRUE(layer_statistics({}).empty());
  record::RoutingTrace empty = one_layer(4, {{0}});
  empty.tokens = 0;
  empty.ids.clear();
  empty.weights.clear();
  const auto none = layer_statistics(Traces{empty})[0];
  EXPECT_EQ(none.tokens, 0);
  EXPECT_EQ(none.coverage, 0);
  EXPECT_EQ(none.effective_experts, 0);
  EXPECT_EQ(none.dead.size(), 4U);
  EXPECT_FALSE(none.balance_loss);
  const auto single = layer_statistics(Traces{one_layer(1, {{0}, {0}})})[0];
  EXPECT_EQ(single.entropy_normalised, 1);
  EXPECT_EQ(single.coverage_by_chance, 1);
  record::RoutingTrace unweighted = one_layer(4, {{0}});
  unweighted.weights.clear();
  EXPECT_FALSE(layer_statistics(Traces{unweighted})[0].balance_loss);
}

TEST(Coverage, ShowsWhatCoverageAloneHides) {
  // 400 tokens, 4 of 32: nearly all go to the same four experts, the others are touched once each.
  std::vector<std::vector<std::uint16_t>> chosen(400, {0, 1, 2, 3});
  for (std::uint16_t e = 4; e < 28; ++e) chosen[e] = {0, 1, 2, e};
  const auto layers = layer_statistics(Traces{one_layer(32, chosen)});
  const Coverage use = coverage(layers, 4);
  EXPECT_EQ(use.tokens, 400);
  EXPECT_DOUBLE_EQ(use.mean, 28.0 / 32);
  EXPECT_DOUBLE_EQ(use.min, 28.0 / 32);
  EXPECT_EQ(use.min_layer, 5);
  EXPECT_NEAR(use.by_chance, 1, 1e-12);
  EXPECT_LT(use.effective_share_mean, 0.17);
  EXPECT_EQ(use.effective_share_mean, use.effective_share_min);
  EXPECT_EQ(use.least_used_share, 0);
  EXPECT_EQ(use.tokens_to_threshold, 10);
}

TEST(Coverage, ChancePassesSeventyPercentWhenMetricsSays) {
  const auto tokens_for = [](int experts, int k) {
    LayerStatistics layer;
    layer.share.assign(static_cast<std::size_t>(experts), 1.0 / experts);
    return coverage(std::vector<LayerStatistics>{layer}, k).tokens_to_threshold;
  };
  EXPECT_EQ(tokens_for(32, 4), 10);
  EXPECT_EQ(tokens_for(16, 2), 10);
  EXPECT_EQ(tokens_for(64, 6), 13);
  EXPECT_EQ(tokens_for(8, 8), 1);
  EXPECT_EQ(coverage({}, 4).tokens, 0);
}

TEST(Coverage, TakesTheWorstLayer) {
  base::Random random(2);
  record::RoutingTrace trace = random_trace(random, 200, 3, 16, 2);
  for (std::size_t token = 0; token < trace.tokens; ++token) {
    trace.ids[trace.offset(token, 1)] = 0;
    trace.ids[trace.offset(token, 1) + 1] = static_cast<std::uint16_t>(1 + token % 7);
  }
  const Coverage use = coverage(layer_statistics(Traces{trace}), 2);
  EXPECT_EQ(use.min_layer, 1);
  EXPECT_DOUBLE_EQ(use.min, 0.5);
  EXPECT_DOUBLE_EQ(use.mean, 2.5 / 3);
}

TEST(CheckTraces, RefusesOtherTopologiesAndMalformedOnes) {
  EXPECT_TRUE(check_traces({}));
  EXPECT_TRUE(check_traces(Traces{one_layer(4, {{0, 1}}), one_layer(4, {{2, 3}})}));
  const auto other = check_traces(Traces{one_layer(4, {{0, 1}}), one_layer(8, {{2, 3}})});
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, testing::HasSubstr("trace 1 has 1 layers of 8 experts"));
  const auto malformed = check_traces(Traces{one_layer(4, {{0, 1}}), one_layer(4, {{2, 2}})});
  ASSERT_FALSE(malformed);
  EXPECT_THAT(malformed.error().message, testing::HasSubstr("trace 1"));
}

}  // namespace
}  // namespace moestress::experts

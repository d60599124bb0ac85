#include "experts/set_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "experts/expert_counts.h"
#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

using Traces = std::vector<record::RoutingTrace>;

Traces prompts(std::uint64_t seed, std::size_t count, double skew, double skew_of_prompts = 0) {
  base::Random random(seed);
  Traces traces;
  for (std::size_t i = 0; i < count; ++i) {
    // Prompts differ among themselves: tokens of one are not independent.
    traces.push_back(
        random_trace(random, 20 + random.below(20), 3, 16, 2, skew + skew_of_prompts * random.uniform()));
  }
  return traces;
}

TEST(JensenShannon, AgreesWithHandReckoning) {
  const std::vector<double> p = {0.5, 0.5, 0};
  const std::vector<double> q = {0, 0.5, 0.5};
  EXPECT_NEAR(jensen_shannon_bits(p, q), 0.5, 1e-12);  // H(¼,½,¼) − 1 = 1.5 − 1
  EXPECT_NEAR(jensen_shannon_bits(p, p), 0, 1e-12);
  EXPECT_NEAR(jensen_shannon_bits(std::vector<double>{1, 0}, std::vector<double>{0, 1}), 1, 1e-12);
  EXPECT_EQ(jensen_shannon_bits(std::vector<double>{0, 0}, std::vector<double>{0, 1}), 0);
}

TEST(CompareSets, AgreesWithHandReckoning) {
  // Counts 2, 2, 0 against 0, 2, 2.
  const Traces a = {one_layer(3, {{0}, {1}, {0}, {1}})};
  const Traces b = {one_layer(3, {{2}, {1}, {2}, {1}})};
  const SetComparison result = compare_sets(a, b, 10, 1);
  ASSERT_EQ(result.layers.size(), 1U);
  EXPECT_EQ(result.layers[0].layer, 5);
  EXPECT_NEAR(result.layers[0].jsd_bits, 0.5, 1e-12);
  EXPECT_NEAR(result.layers[0].jsd_bias_bits, 2 / (4 * 4 * std::log(2)), 1e-12);
  EXPECT_NEAR(result.layers[0].cosine, 0.5, 1e-12);
  EXPECT_NEAR(result.layers[0].cramers_v, std::sqrt(0.5), 1e-12);  // χ² = 4·1 over n = 8
  EXPECT_NEAR(result.jsd_mean_bits, 0.5, 1e-12);
  EXPECT_EQ(result.p, 1);  // one prompt a side: swapping the two is all there is
}

TEST(CompareSets, TellsSetsApartThatDiffer) {
  const Traces a = prompts(1, 12, 0);
  const Traces b = prompts(2, 12, 0.3);
  const SetComparison result = compare_sets(a, b, 999, 7);
  EXPECT_DOUBLE_EQ(result.p, 0.001);
  for (const LayerComparison& layer : result.layers) {
    EXPECT_LE(layer.p, 0.01);
    EXPECT_GT(layer.jsd_bits, 3 * layer.jsd_bias_bits);
    EXPECT_LT(layer.cosine, 0.99);
  }
  const SetComparison again = compare_sets(a, b, 999, 7);
  EXPECT_EQ(again.layers[1].p, result.layers[1].p);
}

TEST(CompareSets, EdgeCases) {
  const Traces some = prompts(1, 3, 0);
  EXPECT_TRUE(compare_sets({}, some, 10, 1).layers.empty());
  EXPECT_EQ(compare_sets(some, {}, 10, 1).p, 1);
  EXPECT_EQ(compare_sets(some, {}, 10, 1).permutations, 0);
  const SetComparison unpermuted = compare_sets(some, some, -5, 1);
  EXPECT_EQ(unpermuted.p, 1);
  EXPECT_NEAR(unpermuted.jsd_mean_bits, 0, 1e-12);
  EXPECT_NEAR(unpermuted.layers[0].cosine, 1, 1e-12);
  EXPECT_NEAR(unpermuted.layers[0].cramers_v, 0, 1e-9);
  Traces silent = {some[0]};
  std::fill(silent[0].ids.begin(), silent[0].ids.end(), record::RoutingTrace::kAbsent);
  const SetComparison nothing = compare_sets(silent, some, 10, 1);
  EXPECT_EQ(nothing.layers[0].jsd_bits, 0);
  EXPECT_EQ(nothing.layers[0].jsd_bias_bits, 0);
  EXPECT_EQ(nothing.layers[0].cosine, 0);
  EXPECT_EQ(nothing.layers[0].cramers_v, 0);
}

TEST(CompareSets, BiasIsWhatEqualDistributionsShow) {
  base::Random random(11);
  double shown = 0;
  double predicted = 0;
  for (int run = 0; run < 60; ++run) {
    const Traces a = {random_trace(random, 400, 1, 16, 1)};
    const Traces b = {random_trace(random, 200, 1, 16, 1)};
    const SetComparison result = compare_sets(a, b, 0, 1);
    shown += result.layers[0].jsd_bits;
    predicted += result.layers[0].jsd_bias_bits;
  }
  EXPECT_NEAR(shown / predicted, 1, 0.12);
}

TEST(CompareSets, FalseAlarmsAreAsRareAsPSaysThoughPromptsVary) {
  int alarms = 0;
  constexpr int kRuns = 400;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    const Traces a = prompts(2 * run, 6, 0, 1.0);
    const Traces b = prompts(2 * run + 1, 6, 0, 1.0);
    alarms += compare_sets(a, b, 99, run).p <= 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(alarms / static_cast<double>(kRuns), 0.05, 0.033);
}

TEST(SplitHalves, DealsEveryIndexOnce) {
  const auto [first, second] = split_halves(7, 3);
  EXPECT_EQ(first.size(), 4U);
  EXPECT_EQ(second.size(), 3U);
  std::vector<std::size_t> all = first;
  all.insert(all.end(), second.begin(), second.end());
  EXPECT_THAT(all, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  EXPECT_EQ(split_halves(7, 3).first, first);
  EXPECT_NE(split_halves(40, 4).first, split_halves(40, 3).first);
  EXPECT_TRUE(split_halves(0, 1).first.empty());
  EXPECT_EQ(split_halves(1, 1).first.size(), 1U);
}

TEST(CompareHalves, IsTheComparisonOfTheTwoHalves) {
  const Traces all = prompts(5, 10, 0.1);
  const auto [first, second] = split_halves(all.size(), 9);
  Traces a;
  Traces b;
  for (std::size_t i : first) a.push_back(all[i]);
  for (std::size_t i : second) b.push_back(all[i]);
  const SetComparison expected = compare_sets(a, b, 50, 9);
  const SetComparison result = compare_halves(all, 50, 9);
  EXPECT_EQ(result.p, expected.p);
  EXPECT_EQ(result.jsd_mean_bits, expected.jsd_mean_bits);
  EXPECT_EQ(compare_halves(std::span(all).first(1), 50, 9).permutations, 0);
}

TEST(RoutingAgreement, IsReachableFromHere) {
  const Traces traces = prompts(1, 1, 0);
  EXPECT_EQ(routing_agreement(traces[0], traces[0]).mean, 1);
}

}  // namespace
}  // namespace moestress::experts

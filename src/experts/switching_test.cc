#include "experts/switching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

constexpr std::uint16_t kAbsent = record::RoutingTrace::kAbsent;
using Traces = std::vector<record::RoutingTrace>;
using testing::ElementsAre;

TEST(ConsecutiveOverlap, AgreesWithHandReckoning) {
  const Traces traces = {one_layer(8, {{0, 1}, {1, 2}, {1, 2}, {5, 6}}), one_layer(8, {{0, 1}})};
  EXPECT_DOUBLE_EQ(consecutive_overlap(traces, 0), (0.5 + 1 + 0) / 3);
  EXPECT_DOUBLE_EQ(consecutive_overlap(traces, 0, 2), (0.5 + 0) / 2);
  EXPECT_DOUBLE_EQ(switch_rate(traces, 0), 1 - 0.5);
  EXPECT_DOUBLE_EQ(first_choice_repeats(traces, 0), 1.0 / 3);
}

TEST(ConsecutiveOverlap, DoesNotReachAcrossTextsOrAbsentEntries) {
  const Traces apart = {one_layer(8, {{0, 1}}), one_layer(8, {{0, 1}})};
  EXPECT_EQ(consecutive_overlap(apart, 0), 0);
  EXPECT_EQ(switch_rate(apart, 0), 0);
  const Traces holed = {one_layer(8, {{0, 1}, {kAbsent, kAbsent}, {0, 1}, {0, 1}})};
  EXPECT_EQ(consecutive_overlap(holed, 0), 1);
  EXPECT_EQ(switch_rate(holed, 0), 0);
}

TEST(ConsecutiveOverlap, EdgeCases) {
  EXPECT_EQ(consecutive_overlap({}, 0), 0);
  const Traces traces = {one_layer(8, {{0, 1}, {0, 1}})};
  EXPECT_EQ(consecutive_overlap(traces, 0, 0), 0);
  EXPECT_EQ(consecutive_overlap(traces, 0, -1), 0);
  EXPECT_EQ(consecutive_overlap(traces, 0, 2), 0);
}

TEST(ConsecutiveOverlap, OfUniformRoutingIsChance) {
  base::Random random(3);
  const Traces traces = {random_trace(random, 4000, 1, 32, 4)};
  EXPECT_NEAR(consecutive_overlap(traces, 0), 4.0 / 32, 0.01);
  EXPECT_NEAR(consecutive_overlap(traces, 0, 7), 4.0 / 32, 0.01);
  EXPECT_NEAR(first_choice_repeats(traces, 0), 1.0 / 32, 0.01);
}

TEST(ExpertsChanged, SumsOverLayers) {
  record::RoutingTrace trace = one_layer(8, {{0, 1}, {2, 3}, {0, 1}, {2, 4}, {1, 0}, {kAbsent, kAbsent}});
  trace.layers = {0, 1};
  trace.tokens = 3;
  EXPECT_THAT(experts_changed(trace), ElementsAre(0, 1, 0));
  trace = one_layer(8, {{0, 1}, {6, 7}});
  EXPECT_THAT(experts_changed(trace), ElementsAre(0, 2));
}

TEST(DistinctExperts, OfABatchAreCountedOnce) {
  const record::RoutingTrace a = one_layer(8, {{0, 1}, {2, 3}});
  const record::RoutingTrace b = one_layer(8, {{1, 5}, {kAbsent, kAbsent}});
  const std::vector<const record::RoutingTrace*> batch = {&a, &b};
  EXPECT_EQ(distinct_experts(batch, std::vector<std::size_t>{0, 0}), 3);
  EXPECT_EQ(distinct_experts(batch, std::vector<std::size_t>{1, 0}), 4);
  EXPECT_EQ(distinct_experts(batch, std::vector<std::size_t>{1, 1}), 2);
  EXPECT_EQ(distinct_experts({}, {}), 0);
}

}  // namespace
}  // namespace moestress::experts

#include "record/routing_agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace moestress::record {
namespace {

constexpr std::uint16_t kAbsent = RoutingTrace::kAbsent;

/// Layers 1 and 3, four experts, two chosen.
RoutingTrace trace_of(std::vector<std::uint16_t> ids) {
  RoutingTrace trace;
  trace.layers = {1, 3};
  trace.experts = 4;
  trace.k = 2;
  trace.tokens = ids.size() / 4;
  trace.weights.assign(ids.size(), 0.5F);
  trace.ids = std::move(ids);
  return trace;
}

TEST(RoutingAgreement, CountsSetsNotOrder) {
  const RoutingTrace a = trace_of({0, 1, 2, 3, /**/ 0, 1, 2, 3, /**/ 0, 1, 2, 3});
  const RoutingTrace b = trace_of({1, 0, 3, 2, /**/ 0, 2, 0, 1, /**/ 0, 1, 2, 0});
  const RoutingAgreement agreement = routing_agreement(a, b);
  ASSERT_EQ(agreement.layers.size(), 2U);
  EXPECT_EQ(agreement.layers[0].layer, 1);
  EXPECT_DOUBLE_EQ(agreement.layers[0].agreement, 5.0 / 6);
  EXPECT_EQ(agreement.layers[0].first, 1);
  EXPECT_EQ(agreement.layers[1].layer, 3);
  EXPECT_DOUBLE_EQ(agreement.layers[1].agreement, 3.0 / 6);
  EXPECT_EQ(agreement.layers[1].first, 1);
  EXPECT_DOUBLE_EQ(agreement.mean, 4.0 / 6);
  EXPECT_EQ(agreement.first_token, 1);
  EXPECT_EQ(agreement.first_layer, 1);  // of the two that part at token 1, the lower is where it began
}

TEST(RoutingAgreement, AnEarlierTokenBeatsALowerLayer) {
  const RoutingTrace a = trace_of({0, 1, 2, 3, /**/ 0, 1, 2, 3});
  const RoutingTrace b = trace_of({0, 1, 2, 1, /**/ 0, 2, 2, 3});
  const RoutingAgreement agreement = routing_agreement(a, b);
  EXPECT_EQ(agreement.first_token, 0);
  EXPECT_EQ(agreement.first_layer, 3);
}

TEST(RoutingAgreement, AbsentEntriesAndTheLongerTailAreLeftOut) {
  const RoutingTrace a = trace_of({0, 1, kAbsent, kAbsent, /**/ 0, 1, 2, 3, /**/ 3, 2, 1, 0});
  const RoutingTrace b = trace_of({0, 1, 2, 3, /**/ 0, 1, kAbsent, kAbsent});
  const RoutingAgreement agreement = routing_agreement(a, b);
  EXPECT_EQ(agreement.layers[0].tokens, 2);
  EXPECT_EQ(agreement.layers[0].agreement, 1);
  EXPECT_EQ(agreement.layers[1].tokens, 0);
  EXPECT_EQ(agreement.layers[1].agreement, 0);
  EXPECT_EQ(agreement.mean, 1);  // of the layer that has tokens
  EXPECT_EQ(agreement.first_token, -1);
  EXPECT_EQ(agreement.first_layer, -1);
  EXPECT_EQ(routing_agreement(trace_of({}), trace_of({})).mean, 0);
}

TEST(CheckTrace, TakesWellFormedTraces) {
  EXPECT_TRUE(check_trace(trace_of({0, 1, 2, 3, /**/ 3, 0, kAbsent, kAbsent})));
  EXPECT_TRUE(check_trace(trace_of({})));
  RoutingTrace unweighted = trace_of({0, 1, 2, 3});
  unweighted.weights.clear();
  EXPECT_TRUE(check_trace(unweighted));
}

TEST(CheckTrace, RefusesAnythingElse) {
  const auto refused = [](const RoutingTrace& trace) { return !check_trace(trace).has_value(); };
  EXPECT_TRUE(refused(trace_of({0, 4, 2, 3})));        // no such expert
  EXPECT_TRUE(refused(trace_of({0, 0, 2, 3})));        // chosen twice
  EXPECT_TRUE(refused(trace_of({0, kAbsent, 2, 3})));  // half absent
  EXPECT_TRUE(refused(trace_of({kAbsent, 0, 2, 3})));
  EXPECT_TRUE(refused(RoutingTrace{}));  // k is 0
  const RoutingTrace good = trace_of({0, 1, 2, 3});
  RoutingTrace bad = good;
  bad.tokens = 2;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.tokens = (~std::size_t{0}) / 4 + 2;  // × 4 wraps around to 4
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.weights.pop_back();
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.weights[2] = NAN;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.layers = {3, 3};
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.layers = {-1, 3};
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.layers.clear();
  bad.ids.clear();
  bad.weights.clear();
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.experts = kAbsent;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.k = 5;
  EXPECT_TRUE(refused(bad));
}

TEST(CheckTrace, NamesThePlace) {
  const auto status = check_trace(trace_of({0, 1, 2, 3, /**/ 0, 1, 2, 9}));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::ErrorCode::Format);
  EXPECT_THAT(status.error().message, testing::HasSubstr("token 1, layer 3: expert 9 of 4"));
}

}  // namespace
}  // namespace moestress::record

#include "protocol/recommendations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using ::testing::HasSubstr;

class Recommendations : public ::testing::Test {
 protected:
  Recommendations() {
    target_.slots = 5;
    target_.context_tokens = 4096;
    topology_.moe_layers = {0, 1, 2, 3};
    topology_.routed_expert_bytes = 4'000'000'000;
    topology_.context_tokens = 131072;
    topology_.kv_bytes_per_token = 1000;
  }

  void figure(const std::string& test, const std::string& name, double value) {
    auto& tests = model_.tests;
    if (tests.empty() || tests.back().id != test) {
      tests.emplace_back();
      tests.back().id = test;
    }
    tests.back().metrics[name] = {value, "", 1, std::nullopt};
  }
  void together(std::initializer_list<double> speeds) {
    int sessions = 0;
    for (const double speed : speeds) figure("2.2", "aggregate_tok_s_s" + std::to_string(++sessions), speed);
  }
  Evidence evidence(const std::string& suite = "mine", double scale = 1) {
    return {input_, target_, topology_, placement_, true, 8, suite, scale};
  }

  record::ModelResult model_;
  plan::Thresholds thresholds_;
  CriterionInput input_{model_, thresholds_};
  plan::TargetPlan target_;
  gguf::Topology topology_;
  record::ExpertPlacement placement_;
};

TEST_F(Recommendations, NothingWithoutFigures) { EXPECT_TRUE(recommend(evidence()).empty()); }

TEST_F(Recommendations, ALargerSuiteWhereSamplesWereTooFew) {
  figure("4.1", "told_share", 1);
  EXPECT_FALSE(recommend_suite(evidence("smoke"))) << "nothing is undecided";
  model_.tests.back().verdict = record::Verdict::Inconclusive;
  const auto advice = recommend_suite(evidence("smoke"));
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->change, "standard (from smoke)");
  EXPECT_THAT(advice->expected, HasSubstr("more samples for 4.1"));
  EXPECT_EQ(recommend_suite(evidence("full", 0.1))->change, "full (from full at scale 0.1)");
  EXPECT_FALSE(recommend_suite(evidence("full")));
  EXPECT_FALSE(recommend_suite(evidence("mine")));
}

TEST_F(Recommendations, ALargerSuiteIsNoHelpWhereNoGpuIsThere) {
  model_.criteria.push_back({"C4", "consistency", "> 95 %", {}, "%", {}, {}, {}});
  model_.criteria.back().verdict = record::Verdict::Inconclusive;
  EXPECT_TRUE(recommend_suite(evidence("smoke")));
  figure("6.1", "baseline_on_cpu", 1);
  model_.tests.back().verdict = record::Verdict::Inconclusive;
  EXPECT_FALSE(recommend_suite(evidence("smoke")));
  target_.baseline_model = "sound.gguf";
  EXPECT_TRUE(recommend_suite(evidence("smoke"))) << "more prompts would tell damage from rounding";
}

TEST_F(Recommendations, FewerSlotsWhereFewerAreFaster) {
  together({20, 30, 40, 34, 32});
  const auto advice = recommend_slots(evidence());
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->setting, "--slots");
  EXPECT_EQ(advice->change, "3 (from 5)");
  EXPECT_THAT(advice->expected, HasSubstr("40.0 tok/s together instead of 32.0"));
  EXPECT_THAT(advice->expected, HasSubstr("8.19 MB less of KV cache"));
}

TEST_F(Recommendations, MoreSlotsWhereTheLastStillGained) {
  together({20, 30, 40, 48, 56});
  const auto advice = recommend_slots(evidence());
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->change, "6 (from 5)");
  EXPECT_THAT(advice->expected, HasSubstr("8.0 tok/s more"));
}

TEST_F(Recommendations, NoOtherSlotsForADifferenceThatMayBeChance) {
  together({20, 30, 40, 41, 39});
  EXPECT_FALSE(recommend_slots(evidence()));
  model_.tests.clear();
  together({20, 30, 38, 39, 40});
  EXPECT_FALSE(recommend_slots(evidence()));
}

TEST_F(Recommendations, ThreadsOnlyWhereCoresAndBandwidthAreLeft) {
  target_.threads = 2;
  EXPECT_FALSE(recommend_threads(evidence())) << "nothing was measured";
  figure("5.2", "roofline_share", 0.4);
  figure("5.2", "decode_tok_s_mean", 10);
  const auto advice = recommend_threads(evidence());
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->change, "8 (from 2)");
  EXPECT_THAT(advice->expected, HasSubstr("up to 25.0 tok/s")) << "bandwidth ends it before the cores do";
  figure("5.2", "roofline_share", 0.9);
  EXPECT_FALSE(recommend_threads(evidence()));
  figure("5.2", "roofline_share", 0.4);
  target_.threads = 0;
  EXPECT_FALSE(recommend_threads(evidence())) << "one for each core already";
}

TEST_F(Recommendations, LessContextWhereTheCacheIsTooLarge) {
  input_.has_device = true;
  input_.device_peaks = {{"nvml", 5.5e9}};
  figure("5.1", "kv_bytes_per_token", 50'000);
  const auto advice = recommend_context(evidence(), false);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->setting, "--ctx");
  EXPECT_EQ(advice->change, "2048 (from 4096)");  // 0.5 GB / (5 · 50 kB) = 2000 tokens less, rounded down
  input_.device_peaks = {{"nvml", 9e9}};
  EXPECT_FALSE(recommend_context(evidence(), false)) << "the weights are what is too large";
}

TEST_F(Recommendations, MoreContextWhereTheLimitLeavesRoom) {
  input_.has_device = true;
  input_.device_peaks = {{"nvml", 3e9}};
  figure("5.1", "kv_bytes_per_token", 50'000);
  const auto advice = recommend_context(evidence(), false);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->change, "up to 12032 (from 4096)");
  EXPECT_FALSE(recommend_context(evidence(), true)) << "layers' experts take the room";
}

TEST_F(Recommendations, LayersThatFitOntoTheDevice) {
  input_.has_device = true;
  input_.device_peaks = {{"nvml", 2.5e9}};
  const auto advice = recommend_layers(evidence());
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->change, "first:2");
  input_.software_device = true;
  EXPECT_FALSE(recommend_layers(evidence()));
}

}  // namespace
}  // namespace moestress::protocol

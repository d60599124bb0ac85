#include "quality/consistency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "quality/scored_text_testing.h"

namespace moestress::quality {
namespace {

using testing::HasSubstr;

/// Four tokens, a vocabulary of three; after each the logits (2, 1, 0), scored from position 1.
ScoredText plain_text(const std::string& id) {
  ScoredText text;
  text.id = id;
  text.tokens = {0, 0, 1, 2};
  text.vocabulary = 3;
  for (int i = 0; i < 4; ++i) text.logits.insert(text.logits.end(), {2, 1, 0});
  return text;
}

class CompareScores : public testing::Test {
 protected:
  base::Result<Consistency> compare(const std::vector<ScoredText>& a, const std::vector<ScoredText>& b) {
    EXPECT_TRUE(a_.write(a));
    EXPECT_TRUE(b_.write(b));
    return compare_scores(a_.path(), b_.path(), 1);
  }
  std::string error(const std::vector<ScoredText>& a, const std::vector<ScoredText>& b) {
    const auto result = compare(a, b);
    return result ? "" : result.error().message;
  }

  ScratchFile a_{"baseline"};
  ScratchFile b_{"other"};
};

TEST_F(CompareScores, AFileAgreesWithItself) {
  base::Random random(81);
  std::vector<ScoredText> texts;
  texts.reserve(73);
  for (int i = 0; i < 73; ++i) texts.push_back(random_text(random, std::to_string(i), 12, 50));
  const auto result = compare(texts, texts);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->texts.size(), 73U);
  EXPECT_EQ(result->positions, 73 * 11);
  EXPECT_EQ(result->agreement_mean, 1);
  EXPECT_GT(result->agreement_wilson.lo, 0.95);  // 73 prompts without a failure are just enough
  EXPECT_EQ(result->agreement_bootstrap.lo, 1);
  EXPECT_EQ(result->kl_nats_max, 0);
  EXPECT_EQ(result->perplexity_ratio, 1);
  EXPECT_EQ(result->diverged, 0);
  ASSERT_EQ(result->routing.size(), 1U);
  EXPECT_EQ(result->routing[0].layer, 3);
  EXPECT_EQ(result->routing[0].tokens, 73 * 12);
  EXPECT_EQ(result->routing_agreement, 1);
  EXPECT_EQ(result->routing_first_layer, -1);
}

TEST_F(CompareScores, AgreesWithHandReckoning) {
  // In the second text's other scores the row after token 1 prefers token 1 by as much as the baseline
  // prefers 0.
  std::vector<ScoredText> a = {plain_text("same"), plain_text("parts")};
  std::vector<ScoredText> b = a;
  b[1].logits[3] = 1;
  b[1].logits[4] = 2;
  const auto result = compare(a, b);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->texts[0].agreement, 1);
  EXPECT_EQ(result->texts[0].first_divergence, -1);
  const TextConsistency& parts = result->texts[1];
  EXPECT_EQ(parts.id, "parts");
  EXPECT_EQ(parts.positions, 3);
  EXPECT_NEAR(parts.agreement, 2.0 / 3, 1e-12);
  EXPECT_EQ(parts.first_divergence, 2);
  EXPECT_NEAR(parts.margin_at_divergence, 1, 1e-6);
  EXPECT_FALSE(parts.near_tie);
  const double sum = std::exp(2.0) + std::exp(1.0) + 1;
  const double kl = (std::exp(2.0) - std::exp(1.0)) / sum;  // Σ p_b (b − o): p₀ − p₁
  ASSERT_EQ(parts.kl_nats.size(), 3U);
  EXPECT_EQ(parts.kl_nats[0], 0);
  EXPECT_NEAR(parts.kl_nats[1], kl, 1e-9);
  EXPECT_NEAR(parts.kl_nats_mean, kl / 3, 1e-9);
  EXPECT_NEAR(parts.kl_nats_max, kl, 1e-9);
  EXPECT_NEAR(parts.delta_p_mean, kl / 3, 1e-9);  // the text's token there is 1: p₀ − p₁ more likely
  EXPECT_NEAR(parts.delta_p_abs_max, kl, 1e-9);
  EXPECT_NEAR(parts.log_likelihood_other - parts.log_likelihood_baseline, 1.0 / 3, 1e-9);

  EXPECT_NEAR(result->agreement_mean, (1 + 2.0 / 3) / 2, 1e-12);
  const auto wilson = stats::wilson(1 + 2.0 / 3, 2);
  EXPECT_NEAR(result->agreement_wilson.lo, wilson.lo, 1e-12);  // of two prompts, not of six tokens
  EXPECT_NEAR(result->agreement_wilson.hi, wilson.hi, 1e-12);
  EXPECT_EQ(result->positions, 6);
  EXPECT_NEAR(result->kl_nats_mean, kl / 6, 1e-9);
  EXPECT_EQ(result->kl_nats_median, 0);
  EXPECT_NEAR(result->perplexity_ratio, std::exp(-1.0 / 6), 1e-9);
  EXPECT_EQ(result->diverged, 1);
  EXPECT_EQ(result->near_ties, 0);
  EXPECT_NEAR(result->margin_at_divergence_max, 1, 1e-6);
  EXPECT_TRUE(result->routing.empty());
}

TEST_F(CompareScores, CountsOnlyFromWhereScoringBegins) {
  ScoredText a = plain_text("t");
  a.scored_from = 3;
  ScoredText b = a;
  for (std::size_t i = 0; i < 6; ++i) b.logits[i] = -b.logits[i];  // rows that predict positions 1 and 2
  for (std::size_t i = 9; i < 12; ++i)
    b.logits[i] = -b.logits[i];  // the row after the last token predicts nothing here
  const auto result = compare({a}, {b});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->positions, 1);
  EXPECT_EQ(result->agreement_mean, 1);
  EXPECT_EQ(result->kl_nats_max, 0);
}

TEST_F(CompareScores, TellsANearTie) {
  ScoredText a = plain_text("tie");
  a.logits[0] = 1.05F;  // 0.05 nats above token 1
  ScoredText b = a;
  b.logits[0] = 0.97F;
  const auto result = compare({a}, {b});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->diverged, 1);
  EXPECT_EQ(result->near_ties, 1);
  EXPECT_TRUE(result->texts[0].near_tie);
  EXPECT_EQ(result->texts[0].first_divergence, 1);
}

TEST_F(CompareScores, RoutingIsComparedByLayer) {
  ScoredText a = plain_text("r");
  record::RoutingTrace routing;
  routing.layers = {0, 4};
  routing.experts = 4;
  routing.k = 1;
  routing.tokens = 4;
  routing.ids = {0, 1, 0, 1, 0, 1, 0, 1};
  a.routing = routing;
  ScoredText b = a;
  b.routing->ids[3] = 2;  // token 1, layer 4
  b.routing->ids[4] = 3;  // token 2, layer 0
  const auto result = compare({a}, {b});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->routing.size(), 2U);
  EXPECT_DOUBLE_EQ(result->routing[0].agreement, 0.75);
  EXPECT_DOUBLE_EQ(result->routing[1].agreement, 0.75);
  EXPECT_DOUBLE_EQ(result->routing_agreement, 0.75);
  EXPECT_EQ(result->routing_first_layer, 4);
  EXPECT_EQ(result->texts[0].routing->first_token, 1);
}

TEST_F(CompareScores, WhatCannotBeComparedIsAnError) {
  const ScoredText a = plain_text("a");
  const auto changed = [&](const auto& change) {
    ScoredText text = a;
    change(text);
    return error({a}, {text});
  };
  EXPECT_THAT(changed([](ScoredText& t) { t.id = "b"; }), HasSubstr("stands where the other file has \"b\""));
  EXPECT_THAT(changed([](ScoredText& t) { t.tokens[2] = 0; }), HasSubstr("differ in its tokens"));
  EXPECT_THAT(changed([](ScoredText& t) { t.scored_from = 2; }), HasSubstr("where scoring begins"));
  EXPECT_THAT(changed([](ScoredText& t) {
                t.vocabulary = 4;
                t.logits.resize(16);
              }),
              HasSubstr("vocabulary"));
  EXPECT_THAT(changed([](ScoredText& t) {
                t.vocabulary = 0;
                t.logits.clear();
              }),
              HasSubstr("no logits"));
  EXPECT_THAT(error({a, plain_text("b")}, {a}), HasSubstr("one has only 1 of the texts"));
  EXPECT_THAT(error({a}, {a, plain_text("b")}), HasSubstr("one has only 1 of the texts"));
  EXPECT_THAT(error({}, {}), HasSubstr("no text"));
  ScoredText unscored = a;
  unscored.scored_from = 4;
  EXPECT_THAT(error({unscored}, {unscored}), HasSubstr("no position to compare"));
  base::Random random(82);
  const ScoredText routed = random_text(random, "r", 4, 5);
  ScoredText other = routed;
  other.routing->layers = {4};
  EXPECT_THAT(error({routed}, {other}), HasSubstr("routed layers or experts"));
  EXPECT_EQ(compare_scores("/nonexistent/a", "/nonexistent/b", 1).error().code, base::ErrorCode::Io);
}

TEST_F(CompareScores, TheSameSeedGivesTheSameIntervals) {
  base::Random random(83);
  std::vector<ScoredText> a;
  std::vector<ScoredText> b;
  for (int i = 0; i < 10; ++i) {
    a.push_back(random_text(random, std::to_string(i), 10, 20));
    b.push_back(a.back());
    for (float& logit : b.back().logits) logit += static_cast<float>(0.3 * random.normal());
  }
  const auto first = compare(a, b);
  const auto second = compare_scores(a_.path(), b_.path(), 1);
  ASSERT_TRUE(first && second);
  EXPECT_LT(first->agreement_mean, 1);
  EXPECT_TRUE(first->agreement_bootstrap.contains(first->agreement_mean));
  EXPECT_LT(first->agreement_bootstrap.lo, first->agreement_bootstrap.hi);
  EXPECT_EQ(first->agreement_bootstrap.lo, second->agreement_bootstrap.lo);
  EXPECT_TRUE(first->kl_nats_bootstrap.contains(first->kl_nats_mean));
  EXPECT_LE(first->kl_nats_median, first->kl_nats_p99);
  EXPECT_LE(first->kl_nats_p99, first->kl_nats_max);
}

}  // namespace
}  // namespace moestress::quality

#include "engine/token_sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace moestress::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Draws `n` tokens; how often each came, as a share.
std::map<Token, double> shares(const record::Sampling& sampling, const std::vector<float>& logits, int n) {
  TokenSampler sampler(sampling, {});
  std::map<Token, double> counts;
  for (int i = 0; i < n; ++i) counts[*sampler.sample(logits)] += 1.0 / n;
  return counts;
}

TEST(TokenSampler, GreedyTakesTheHighestAndOfEqualOnesTheFirst) {
  TokenSampler sampler({}, {});
  EXPECT_EQ(sampler.sample(std::vector<float>{0, 3, 1, 3}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{-5}), 0);
}

TEST(TokenSampler, LogitsThatAreNoNumbersAreNeverChosen) {
  TokenSampler greedy({}, {});
  EXPECT_EQ(greedy.sample(std::vector<float>{kNan, -7, kInfinity, -kInfinity}), 1);
  EXPECT_EQ(greedy.sample(std::vector<float>{kNan, -kInfinity}), std::nullopt);
  EXPECT_EQ(greedy.sample(std::vector<float>{}), std::nullopt);
  EXPECT_EQ(shares({.temperature = 1}, {kNan, 0, kInfinity}, 100).size(), 1U);
}

TEST(TokenSampler, BannedTokensAreNeverChosen) {
  TokenSampler greedy({}, {3, 1});
  EXPECT_EQ(greedy.sample(std::vector<float>{0, 9, 1, 8}), 2);
  TokenSampler random({.temperature = 5}, {0});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(random.sample(std::vector<float>{9, 0}), 1);
}

TEST(TokenSampler, DrawsWithTheProbabilitiesOfTheTemperedDistribution) {
  // Odds 1 : e² at temperature 1, 1 : e at temperature 2. Binomial with n = 20,000: σ = 0.0023 and 0.0031.
  const double at_one = shares({.temperature = 1, .seed = 7}, {0, 2}, 20000).at(1);
  EXPECT_NEAR(at_one, std::exp(2) / (1 + std::exp(2)), 0.01);
  const double at_two = shares({.temperature = 2, .seed = 7}, {0, 2}, 20000).at(1);
  EXPECT_NEAR(at_two, std::exp(1) / (1 + std::exp(1)), 0.013);
}

TEST(TokenSampler, TopKKeepsTheLikeliest) {
  const auto got = shares({.temperature = 100, .top_k = 2}, {1, 5, 3, 4}, 400);
  EXPECT_EQ(got.size(), 2U);
  EXPECT_TRUE(got.contains(1) && got.contains(3));
}

TEST(TokenSampler, TopPKeepsTheFewestThatReachIt) {
  // Probabilities 0.5, 0.3, 0.15, 0.05.
  const std::vector<float> logits{std::log(0.05F), std::log(0.5F), std::log(0.15F), std::log(0.3F)};
  EXPECT_EQ(shares({.temperature = 1, .top_p = 0.45}, logits, 200).size(), 1U);
  EXPECT_EQ(shares({.temperature = 1, .top_p = 0.75}, logits, 400).size(), 2U);
  EXPECT_EQ(shares({.temperature = 1, .top_p = 0.9}, logits, 400).size(), 3U);
  EXPECT_EQ(shares({.temperature = 1, .top_p = 1e-9}, logits, 50).count(1), 1U);
}

TEST(TokenSampler, TopPReachesFarIntoALargeFlatVocabulary) {
  // 3,000 equally likely tokens: 90 % of them are kept, those with the lowest ids.
  const std::vector<float> logits(3000, 0.5F);
  const auto got = shares({.temperature = 1, .top_p = 0.9, .seed = 3}, logits, 400);
  EXPECT_LT(got.rbegin()->first, 2701);
  EXPECT_GT(got.rbegin()->first, 2500);
}

TEST(TokenSampler, TheSameSeedDrawsTheSameTokens) {
  const std::vector<float> logits{0, 0.1F, 0.2F, 0.3F, 0.4F};
  const auto draw = [&](std::uint64_t seed) {
    TokenSampler sampler({.temperature = 1, .seed = seed}, {});
    std::vector<Token> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back(*sampler.sample(logits));
    return tokens;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

TEST(LogprobsOf, AreThoseOfTheSoftmax) {
  const std::vector<float> logits{std::log(0.1F) + 30, std::log(0.6F) + 30, std::log(0.3F) + 30, -kInfinity};
  const TokenLogprobs got = logprobs_of(logits, 2, 2);
  EXPECT_NEAR(got.chosen, std::log(0.3), 1e-5);
  ASSERT_EQ(got.top.size(), 2U);
  EXPECT_EQ(got.top[0].first, 1);
  EXPECT_NEAR(got.top[0].second, std::log(0.6), 1e-5);
  EXPECT_EQ(got.top[1].first, 2);
}

TEST(LogprobsOf, GivesAtMostTheVocabularyAndTiesByTheLowestId) {
  const TokenLogprobs got = logprobs_of(std::vector<float>{1, 2, 2, 2}, 0, 10);
  ASSERT_EQ(got.top.size(), 4U);
  EXPECT_EQ(got.top[0].first, 1);
  EXPECT_EQ(got.top[1].first, 2);
  EXPECT_EQ(logprobs_of(std::vector<float>{1, 2, 2, 2}, 0, 2).top[1].first, 2);
  EXPECT_TRUE(logprobs_of(std::vector<float>{1, 2}, 0, 0).top.empty());
}

}  // namespace
}  // namespace moestress::engine

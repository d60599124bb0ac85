#include "forge/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "base/random.h"
#include "forge/upcycle.h"

namespace moestress::forge {
namespace {

constexpr std::size_t kWidth = 64, kExperts = 8, kTopics = 4, kTokens = 800;

/// Tokens of four topics in turn, each around a direction of its own, on top of a mean that all share.
std::vector<float> inputs_of_topics(std::uint64_t seed) {
  base::Random random(seed);
  std::vector<float> mean(kWidth), topics(kTopics * kWidth), inputs;
  for (float& value : mean) value = static_cast<float>(2 * random.normal());
  for (float& value : topics) value = static_cast<float>(random.normal());
  for (std::size_t token = 0; token < kTokens; ++token)
    for (std::size_t i = 0; i < kWidth; ++i)
      inputs.push_back(mean[i] + topics[token % kTopics * kWidth + i] + static_cast<float>(random.normal()));
  return inputs;
}

/// The k experts with the largest logits for one token, best first.
std::vector<std::size_t> chosen(const std::vector<float>& rows, const std::vector<float>& inputs,
                                std::size_t token, std::size_t k) {
  std::vector<std::pair<float, std::size_t>> logits;
  for (std::size_t expert = 0; expert < kExperts; ++expert)
    logits.emplace_back(std::inner_product(inputs.begin() + static_cast<std::ptrdiff_t>(token * kWidth),
                                           inputs.begin() + static_cast<std::ptrdiff_t>((token + 1) * kWidth),
                                           rows.begin() + static_cast<std::ptrdiff_t>(expert * kWidth), 0.0F),
                        expert);
  std::sort(logits.rbegin(), logits.rend());
  std::vector<std::size_t> best;
  for (std::size_t i = 0; i < k; ++i) best.push_back(logits[i].second);
  return best;
}

TEST(ClusterRouter, SendsTopicsToExpertsOfTheirOwn) {
  const auto inputs = inputs_of_topics(1);
  const auto rows = cluster_router(inputs, kWidth, kExperts, 1, 7);
  ASSERT_EQ(rows.size(), kExperts * kWidth);
  std::map<std::size_t, std::map<std::size_t, int>> topics_of_expert;
  for (std::size_t token = 0; token < kTokens; ++token)
    ++topics_of_expert[chosen(rows, inputs, token, 1).front()][token % kTopics];
  int own = 0;
  for (const auto& [expert, topics] : topics_of_expert) {
    int most = 0;
    for (const auto& [topic, count] : topics) most = std::max(most, count);
    own += most;
  }
  EXPECT_GT(own, 0.8 * kTokens);  // a quarter by chance
}

TEST(ClusterRouter, LoadsExpertsAboutEvenly) {
  for (const std::size_t k : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
    const auto inputs = inputs_of_topics(2);
    const auto rows = cluster_router(inputs, kWidth, kExperts, k, 7);
    std::vector<int> load(kExperts);
    for (std::size_t token = 0; token < kTokens; ++token)
      for (const std::size_t expert : chosen(rows, inputs, token, k)) ++load[expert];
    const int even = static_cast<int>(kTokens * k / kExperts);
    for (const int one : load) {
      EXPECT_GT(one, even / 2) << "k " << k;
      EXPECT_LT(one, even * 2) << "k " << k;
    }
  }
}

TEST(ClusterRouter, TheSameSeedGivesTheSameRows) {
  const auto inputs = inputs_of_topics(3);
  EXPECT_EQ(cluster_router(inputs, kWidth, kExperts, 2, 7), cluster_router(inputs, kWidth, kExperts, 2, 7));
  EXPECT_NE(cluster_router(inputs, kWidth, kExperts, 2, 7), cluster_router(inputs, kWidth, kExperts, 2, 8));
}

TEST(FitRouters, ABaseThatSaysTooLittleIsAnError) {
  const std::vector<std::vector<float>> inputs{std::vector<float>(15 * kWidth, 1.0F)};
  const auto routers = fit_routers(Topology::PhiMoe, inputs, kWidth, 1);
  ASSERT_FALSE(routers);
  EXPECT_EQ(routers.error().code, base::ErrorCode::Unsupported);
  EXPECT_NE(routers.error().message.find("15 tokens"), std::string::npos) << routers.error().message;
}

}  // namespace
}  // namespace moestress::forge

#include "quality/damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "quality/scored_text_testing.h"

namespace moestress::quality {
namespace {

constexpr std::size_t kTexts = 30, kTokens = 24;

bool goes_to(const ScoredText& text, std::size_t token, std::uint16_t expert) {
  const auto chosen = text.routing->chosen(token, 0);
  return std::find(chosen.begin(), chosen.end(), expert) != chosen.end();
}

/// Three score files of the same texts: logits of the second and third moved by noise of a deviation.
class FindDamage : public testing::Test {
 protected:
  void SetUp() override {
    base::Random random(5);
    for (std::size_t i = 0; i < kTexts; ++i)
      texts_.push_back(random_text(random, std::to_string(i), kTokens, 40));
  }

  /// `times`: of the noise at a token.
  template <class Times>
  std::vector<ScoredText> moved(std::uint64_t seed, Times times) const {
    base::Random random(seed);
    std::vector<ScoredText> texts = texts_;
    for (auto& text : texts)
      for (std::size_t i = 0; i < text.logits.size(); ++i)
        text.logits[i] += static_cast<float>(0.01 * times(text, i / 40) * random.normal());
    return texts;
  }

  Damage find(const std::vector<ScoredText>& rounding, const std::vector<ScoredText>& other,
              bool same_kernels = false) {
    EXPECT_TRUE(a_.write(texts_) && n_.write(rounding) && b_.write(other));
    const auto damage = find_damage(a_.path(), n_.path(), b_.path(), same_kernels);
    EXPECT_TRUE(damage) << (damage ? "" : damage.error().message);
    return damage.value_or(Damage{});
  }

  static double plain(const ScoredText&, std::size_t) { return 1; }

  std::vector<ScoredText> texts_;
  ScratchFile a_{"damage_a"}, n_{"damage_n"}, b_{"damage_b"};
};

TEST_F(FindDamage, RoundingAloneIsNone) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto larger = [&](const ScoredText&, std::size_t) { return seed % 2 == 0 ? 1.0 : 3.0; };
    const Damage damage = find(moved(seed, plain), moved(100 + seed, larger));
    EXPECT_TRUE(damage.experts.empty()) << seed;
    EXPECT_TRUE(damage.routing.empty()) << seed;
    EXPECT_NEAR(damage.factor, seed % 2 == 0 ? 1 : 9, seed % 2 == 0 ? 0.2 : 2);
  }
}

TEST_F(FindDamage, NamesTheExpertWhoseTokensPart) {
  const auto on_its_tokens = [](const ScoredText& text, std::size_t token) {
    return goes_to(text, token, 5) ? 4.0 : 1.0;
  };
  const Damage damage = find(moved(1, plain), moved(2, on_its_tokens));
  ASSERT_FALSE(damage.experts.empty());
  EXPECT_EQ(damage.experts.front().layer, 3);
  EXPECT_EQ(damage.experts.front().expert, 5);
  EXPECT_NEAR(damage.experts.front().factor, 16, 5);
}

TEST_F(FindDamage, NamesTheLayerWhoseRoutingParts) {
  auto other = moved(2, plain);
  for (auto& text : other)
    for (auto& id : text.routing->ids) id = static_cast<std::uint16_t>((id + 1) % 8);
  const Damage damage = find(moved(1, plain), other);
  ASSERT_EQ(damage.routing.size(), 1U);
  EXPECT_EQ(damage.routing.front().layer, 3);
  EXPECT_EQ(damage.routing.front().agreement_rounding, 1);
  EXPECT_LT(damage.routing.front().agreement, 0.5);
}

TEST_F(FindDamage, WhatTheSameKernelsComputeOtherwiseIsDamage) {
  const auto rounding = moved(1, plain);
  EXPECT_FALSE(find(rounding, rounding, true).exact);
  auto other = rounding;
  for (auto& text : other) text.logits[5 * 40] += 1e-6F;  // after the sixth token; its routing is the same
  const Damage late = find(rounding, other, true);
  ASSERT_TRUE(late.exact);
  EXPECT_EQ(late.exact->texts, kTexts);
  EXPECT_EQ(late.exact->layer, -1);
  for (auto& text : other) text.routing->weights[2 * 4] += 1e-6F;  // of the fifth
  const Damage routed = find(rounding, other, true);
  ASSERT_TRUE(routed.exact);
  EXPECT_EQ(routed.exact->layer, 3);
}

TEST_F(FindDamage, FilesOfOtherTextsAreRefused) {
  ASSERT_TRUE(a_.write(texts_) && n_.write(texts_));
  auto fewer = texts_;
  fewer.pop_back();
  ASSERT_TRUE(b_.write(fewer));
  EXPECT_FALSE(find_damage(a_.path(), n_.path(), b_.path(), false));
  auto untraced = texts_;
  untraced.front().routing.reset();
  ASSERT_TRUE(b_.write(untraced));
  const auto damage = find_damage(a_.path(), n_.path(), b_.path(), false);
  ASSERT_FALSE(damage);
  EXPECT_THAT(damage.error().message, testing::HasSubstr("no routing"));
}

}  // namespace
}  // namespace moestress::quality

#include "quality/damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "quality/scored_text_testing.h"

namespace moestress::quality {
namespace {

using record::MoeActivations;
using testing::Field;

constexpr std::size_t kTexts = 8, kTokens = 12, kWidth = 32, kLayers = 6;
constexpr int kFirstLayer = 3, kExperts = 8, kVocabulary = 20;

MoeActivations random_activations(base::Random& random) {
  MoeActivations activations;
  auto& routing = activations.routing;
  for (std::size_t i = 0; i < kLayers; ++i) routing.layers.push_back(kFirstLayer + static_cast<int>(i));
  routing.experts = kExperts;
  routing.k = 2;
  routing.tokens = kTokens;
  for (std::size_t i = 0; i < kTokens * kLayers; ++i) {
    const auto expert = static_cast<std::uint16_t>(random.below(kExperts));
    const auto next = static_cast<std::uint16_t>((expert + 1 + random.below(kExperts - 1)) % kExperts);
    routing.ids.insert(routing.ids.end(), {expert, next});
    routing.weights.insert(routing.weights.end(), {0.75F, 0.25F});
  }
  activations.width = kWidth;
  for (std::size_t i = 0; i < activations.size(); ++i) {
    activations.inputs.push_back(static_cast<float>(random.normal()));
    activations.outputs.push_back(static_cast<float>(random.normal()));
  }
  return activations;
}

MoeActivations only_layer(const MoeActivations& from, std::size_t layer) {
  MoeActivations one;
  one.routing = {{from.routing.layers[layer]}, kExperts, 2, kTokens, {}, {}};
  for (std::size_t token = 0; token < kTokens; ++token) {
    const auto ids = from.routing.chosen(token, layer);
    const auto weights = from.routing.chosen_weights(token, layer);
    one.routing.ids.insert(one.routing.ids.end(), ids.begin(), ids.end());
    one.routing.weights.insert(one.routing.weights.end(), weights.begin(), weights.end());
    const auto output = from.output(token, layer);
    one.outputs.insert(one.outputs.end(), output.begin(), output.end());
  }
  one.width = kWidth;
  return one;
}

/// Three score files of the same texts: the baseline, and two with what a side makes of the same inputs.
class FindDamage : public testing::Test {
 protected:
  /// How far a layer's output at a token is off, relative to its size.
  using Off = std::function<double(const MoeActivations&, std::size_t token, std::size_t layer)>;

  void SetUp() override {
    base::Random random(5);
    for (std::size_t i = 0; i < kTexts; ++i) {
      texts_.push_back(random_text(random, std::to_string(i), kTokens, kVocabulary));
      texts_.back().activations = random_activations(random);
    }
  }

  /// Rounded by 1 % where `off` says nothing else, layers by up to half more.
  std::vector<ScoredText> rounded(std::uint64_t seed, const Off& off = {}) const {
    base::Random random(seed);
    std::vector<ScoredText> texts = texts_;
    for (auto& text : texts) {
      for (float& logit : text.logits) logit += static_cast<float>(0.01 * random.normal());
      MoeActivations& activations = *text.activations;
      for (std::size_t layer = 0; layer < kLayers; ++layer)
        for (std::size_t token = 0; token < kTokens; ++token) {
          const double here = 0.01 * (1 + 0.1 * static_cast<double>(layer)) * (1 + 0.5 * random.uniform()) +
                              (off ? off(activations, token, layer) : 0);
          for (std::size_t i = 0; i < kWidth; ++i)
            activations.outputs[(layer * kTokens + token) * kWidth + i] +=
                static_cast<float>(here * random.normal());
        }
      activations.inputs.clear();
    }
    return texts;
  }

  Damage find(const std::vector<ScoredText>& rounding, const std::vector<ScoredText>& other,
              bool same_kernels = false) {
    EXPECT_TRUE(a_.write(texts_) && n_.write(rounding) && b_.write(other));
    const auto damage = find_damage(a_.path(), n_.path(), b_.path(), same_kernels);
    EXPECT_TRUE(damage) << (damage ? "" : damage.error().message);
    return damage.value_or(Damage{});
  }

  /// Off by `size` in the tokens of one expert of layer 5.
  static Off expert_of_layer_5(int expert, double size) {
    return [=](const MoeActivations& activations, std::size_t token, std::size_t layer) {
      const auto chosen = activations.routing.chosen(token, layer);
      const bool sent = std::find(chosen.begin(), chosen.end(), expert) != chosen.end();
      return layer + kFirstLayer == 5 && sent ? size : 0.0;
    };
  }

  std::vector<ScoredText> texts_;
  ScratchFile a_{"damage_a"}, n_{"damage_n"}, b_{"damage_b"};
};

TEST_F(FindDamage, RoundingAloneIsNone) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Damage damage = find(rounded(seed), rounded(100 + seed));
    EXPECT_TRUE(damage.experts.empty()) << seed;
    EXPECT_TRUE(damage.routing.empty()) << seed;
    EXPECT_EQ(damage.texts_not_exact, 0);
    EXPECT_EQ(damage.experts_used, kLayers * kExperts);
    EXPECT_GT(damage.experts_told, damage.experts_used * 0.8);  // used in four texts of the eight
    EXPECT_GT(damage.layer_tokens, 80);  // all but beginnings that texts share by chance
    EXPECT_NEAR(damage.factor, 1, 0.5);
  }
}

TEST_F(FindDamage, NamesTheExpertAndNoneThatIsChosenBesideIt) {
  const Damage damage = find(rounded(1), rounded(2, expert_of_layer_5(6, 0.06)));
  ASSERT_EQ(damage.experts.size(), 1U);
  EXPECT_EQ(damage.experts.front().layer, 5);
  EXPECT_EQ(damage.experts.front().expert, 6);
  EXPECT_NEAR(damage.experts.front().difference, 0.073, 0.01);
  EXPECT_NEAR(damage.experts.front().difference_elsewhere, 0.015, 0.003);
  EXPECT_LT(damage.experts.front().p, 1e-4);
}

TEST_F(FindDamage, NamesALayerWhoseExpertsAreAllDamaged) {
  const Damage damage =
      find(rounded(1),
           rounded(2, [](const auto&, std::size_t, std::size_t layer) { return layer == 1 ? 0.4 : 0; }));
  EXPECT_GE(damage.experts.size(), kExperts / 2U);  // the others' tokens are all explained by these
  EXPECT_THAT(damage.experts, testing::Each(Field(&ExpertDamage::layer, kFirstLayer + 1)));
}

TEST_F(FindDamage, NamesTheRouterAndNotItsExperts) {
  auto other = rounded(2, [](const auto&, std::size_t, std::size_t layer) { return layer == 2 ? 0.4 : 0; });
  for (auto& text : other)
    for (std::size_t token = 0; token < kTokens; ++token)
      for (std::size_t i = 0; i < 2; ++i) {
        auto& id = text.activations->routing.ids[text.activations->routing.offset(token, 2) + i];
        id = static_cast<std::uint16_t>((id + 1) % kExperts);
      }
  const Damage damage = find(rounded(1), other);
  ASSERT_EQ(damage.routing.size(), 1U);
  EXPECT_EQ(damage.routing.front().layer, kFirstLayer + 2);
  EXPECT_LT(damage.routing.front().agreement, 0.5);
  EXPECT_TRUE(damage.experts.empty());
}

TEST_F(FindDamage, WhatTheSameKernelsComputeOtherwiseIsDamage) {
  const auto rounding = rounded(1);
  const Damage none = find(rounding, rounding, true);
  EXPECT_EQ(none.texts_not_exact, 0);
  EXPECT_TRUE(none.experts.empty() && none.routing.empty());

  auto logits = rounding;
  for (auto& text : logits) text.logits[5 * kVocabulary] += 1e-6F;
  EXPECT_EQ(find(rounding, logits, true).texts_not_exact, kTexts);

  auto expert = rounding;
  for (auto& text : expert)
    for (std::size_t token = 0; token < kTokens; ++token)
      if (expert_of_layer_5(6, 1)(*text.activations, token, 2) > 0)
        text.activations->outputs[(2 * kTokens + token) * kWidth] += 1e-5F;
  const Damage found = find(rounding, expert, true);
  ASSERT_EQ(found.experts.size(), 1U);
  EXPECT_EQ(found.experts.front().expert, 6);
  EXPECT_EQ(found.experts.front().layer, 5);

  auto router = rounding;
  router.front().activations->routing.weights[0] += 1e-6F;
  const Damage routed = find(rounding, router, true);
  ASSERT_EQ(routed.routing.size(), 1U);
  EXPECT_EQ(routed.routing.front().layer, kFirstLayer);
}

TEST_F(FindDamage, WithFewTextsItSaysThatNoExpertCanBeTold) {
  auto rounding = rounded(1), other = rounded(2, expert_of_layer_5(6, 1));
  for (auto* texts : {&texts_, &rounding, &other}) texts->resize(2);
  const Damage damage = find(rounding, other);
  EXPECT_EQ(damage.experts_told, 0);
  EXPECT_TRUE(damage.experts.empty());
}

TEST_F(FindDamage, ALayerAloneIsComparedToTheBitOnly) {
  auto rounding = rounded(1), other = rounded(2, expert_of_layer_5(6, 1));
  for (auto* texts : {&texts_, &rounding, &other})
    for (auto& text : *texts) text.activations = only_layer(*text.activations, 2);
  const Damage rounded_otherwise = find(rounding, other);
  EXPECT_GT(rounded_otherwise.experts_used, 0);
  EXPECT_EQ(rounded_otherwise.experts_told, 0);
  EXPECT_TRUE(rounded_otherwise.experts.empty());
  const Damage exact = find(rounding, other, true);
  EXPECT_EQ(exact.experts_told, exact.experts_used);
  EXPECT_FALSE(exact.experts.empty());
}

TEST_F(FindDamage, WithoutActivationsNoLayerIsCompared) {
  auto other = rounded(2, expert_of_layer_5(6, 1));
  for (auto& text : other) text.activations.reset();
  const Damage damage = find(rounded(1), other);
  EXPECT_EQ(damage.layer_tokens, 0);
  EXPECT_TRUE(damage.experts.empty());
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

#include "experts/specialisation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

using Traces = std::vector<record::RoutingTrace>;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(DomainSpecialisation, AgreesWithHandReckoning) {
  const Traces code = {one_layer(4, {{0, 1}, {0, 1}}), one_layer(4, {{0, 2}, {0, 3}})};
  const Traces prose = {one_layer(4, {{2, 3}, {2, 1}})};
  const auto layers = domain_specialisation(std::vector<Domain>{{"code", code}, {"prose", prose}});
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].layer, 5);
  EXPECT_DOUBLE_EQ(layers[0].chance, 0.5);
  EXPECT_THAT(layers[0].share[0], ElementsAre(1, 0.5, 0.25, 0.25));
  EXPECT_THAT(layers[0].share[1], ElementsAre(0, 0.5, 1, 0.5));
  EXPECT_THAT(layers[0].specialists, ElementsAre(0, 2));
  EXPECT_DOUBLE_EQ(layers[0].spread, (1 + 0 + 0.75 + 0.25) / 4 / 0.5);
}

TEST(DomainSpecialisation, EdgeCases) {
  EXPECT_THAT(domain_specialisation({}), IsEmpty());
  EXPECT_THAT(domain_specialisation(std::vector<Domain>{{"none", {}}}), IsEmpty());
  const Traces code = {one_layer(4, {{0, 1}})};
  const auto layers = domain_specialisation(std::vector<Domain>{{"none", {}}, {"code", code}});
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_THAT(layers[0].share[0], ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(layers[0].spread, 0);  // a domain without tokens is no contrast
  EXPECT_THAT(layers[0].specialists, ElementsAre(-1, 0));
}

TEST(VocabularySpecialisation, AgreesWithHandReckoning) {
  // Id 7 four times: expert 0 for three of them, expert 1 for one. Id 8 twice: always expert 1. Id 9 once:
  // left out.
  const Traces traces = {one_layer(3, {{0}, {0}, {0}, {1}, {1}, {1}, {2}})};
  const std::vector<std::vector<std::int32_t>> tokens = {{7, 7, 7, 7, 8, 8, 9}};
  const auto shares = vocabulary_specialisation(traces, tokens, 0);
  ASSERT_EQ(shares.size(), 3U);
  EXPECT_DOUBLE_EQ(shares[0], 0.75);
  EXPECT_DOUBLE_EQ(shares[1], (1 * 0.25 + 2 * 1.0) / 3);
  EXPECT_EQ(shares[2], 0);
  EXPECT_THAT(vocabulary_specialisation({}, {}, 0), IsEmpty());
}

TEST(CoActivation, AgreesWithHandReckoning) {
  const Traces traces = {one_layer(3, {{0, 1}, {0, 1}, {0, 2}})};
  EXPECT_THAT(co_activation(traces, 0), ElementsAre(1, 2.0 / 3, 1.0 / 3, 1, 1, 0, 1, 0, 1));
  EXPECT_THAT(co_activation({}, 0), IsEmpty());
}

TEST(Mixture, LiesBetweenItsParts) {
  const Traces a = {one_layer(4, {{0}, {0}, {1}, {1}})};
  const Traces b = {one_layer(4, {{2}, {2}, {3}, {3}})};
  const Traces mixed = {one_layer(4, {{0}, {0}, {0}, {1}, {1}, {1}, {2}, {3}})};
  const Mixture result = mixture(mixed, a, b);
  EXPECT_NEAR(result.weight_a, 0.75, 1e-12);
  EXPECT_NEAR(result.off_line, 0, 1e-12);
  EXPECT_TRUE(result.between);
  EXPECT_NEAR(result.jsd_ab_bits, 1, 1e-12);
  EXPECT_LT(result.jsd_a_bits, result.jsd_b_bits);
}

TEST(Mixture, ElsewhereIsNotBetween) {
  const Traces a = {one_layer(6, {{0}, {0}, {1}})};
  const Traces b = {one_layer(6, {{0}, {1}, {1}})};
  const Traces elsewhere = {one_layer(6, {{4}, {5}})};
  const Mixture result = mixture(elsewhere, a, b);
  EXPECT_FALSE(result.between);
  EXPECT_GT(result.off_line, 1);
  EXPECT_FALSE(mixture(a, b, b).between);  // parts that do not differ leave nothing between them
  EXPECT_EQ(mixture({}, a, b).jsd_ab_bits, 0);
}

}  // namespace
}  // namespace moestress::experts

#include "experts/specialists.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

constexpr int kPermutations = 199;

/// Prompts of 30 tokens over 8 experts, 2 active; the first choice is `first_own` with the chance given, else
/// any.
std::vector<record::RoutingTrace> prompts_of(base::Random& random, std::size_t prompts, int first_own,
                                             double chance_of_own) {
  std::vector<record::RoutingTrace> traces;
  for (std::size_t i = 0; i < prompts; ++i) {
    std::vector<std::vector<std::uint16_t>> chosen;
    for (int token = 0; token < 30; ++token) {
      const auto first = random.uniform() < chance_of_own ? static_cast<std::uint16_t>(first_own)
                                                          : static_cast<std::uint16_t>(random.below(8));
      const auto second = static_cast<std::uint16_t>((first + 1 + random.below(7)) % 8);
      chosen.push_back({first, second});
    }
    traces.push_back(one_layer(8, chosen));
  }
  return traces;
}

struct Sets {
  std::vector<std::vector<record::RoutingTrace>> traces;
  std::vector<Domain> domains;
};

Sets three_domains(std::uint64_t seed, double chance_of_own, std::size_t prompts = 6) {
  base::Random random(seed);
  Sets sets;
  for (int domain = 0; domain < 3; ++domain)
    sets.traces.push_back(prompts_of(random, prompts, domain, chance_of_own));
  for (const auto& traces : sets.traces) sets.domains.push_back({"d", traces});
  return sets;
}

TEST(Specialists, FindsTheExpertsThatADomainPrefers) {
  const Sets sets = three_domains(1, 0.5);
  const auto all = specialists(sets.domains, kPermutations, 1);
  ASSERT_EQ(all.size(), 8u);
  for (int expert = 0; expert < 3; ++expert) {
    const Specialist& one = all[static_cast<std::size_t>(expert)];
    EXPECT_EQ(one.layer, 5);
    EXPECT_EQ(one.expert, expert);
    EXPECT_EQ(one.domain, static_cast<std::size_t>(expert));
    EXPECT_GT(one.share, one.share_elsewhere + 0.2);
    EXPECT_LT(one.p, 0.01);
    EXPECT_GT(one.explained, 0.5);
  }
}

TEST(Specialists, FindsNoneWhereTheDomainMakesNoDifference) {
  int false_alarms = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto all = specialists(three_domains(seed, 0).domains, kPermutations, seed);
    false_alarms += std::any_of(all.begin(), all.end(), [](const auto& one) { return one.p < 0.05; }) ? 1 : 0;
  }
  EXPECT_LE(false_alarms, 4) << "one run in twenty, whatever the number of experts";
}

TEST(Specialists, NeedsTwoDomains) {
  const Sets sets = three_domains(1, 0.5);
  EXPECT_TRUE(specialists(std::span(sets.domains).first(1), kPermutations, 1).empty());
  EXPECT_TRUE(specialists({}, kPermutations, 1).empty());
}

TEST(Specialists, AConstantRouterExplainsNothing) {
  const std::vector<record::RoutingTrace> same(4, one_layer(4, {{0, 1}, {0, 1}}));
  const std::vector<Domain> domains{{"a", same}, {"b", same}};
  for (const auto& one : specialists(domains, kPermutations, 1)) {
    EXPECT_EQ(one.explained, 0);
    EXPECT_EQ(one.p, 1);
  }
}

TEST(SubsetAim, HeldOutPromptsLoadTheExpertsOfTheirDomain) {
  const SubsetAim aim = aim_at_subsets(three_domains(2, 0.5).domains, 2, kPermutations, 1);
  EXPECT_EQ(aim.folds, 4);
  EXPECT_EQ(aim.chance, 0.25);
  EXPECT_LT(aim.p, 0.01);
  for (std::size_t domain = 0; domain < 3; ++domain) {
    EXPECT_GT(aim.load[domain][domain], aim.chance + 0.05);
    EXPECT_GT(aim.lead[domain], 0.05);
    EXPECT_LT(aim.lead_p[domain], 0.05);
  }
}

TEST(SubsetAim, WithoutSpecialisationTheLoadIsThatOfChance) {
  int false_alarms = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const SubsetAim aim = aim_at_subsets(three_domains(seed, 0).domains, 2, kPermutations, seed);
    EXPECT_NEAR(aim.load[0][0], 0.25, 0.08);
    false_alarms += aim.p < 0.05 ? 1 : 0;
  }
  EXPECT_LE(false_alarms, 4);
}

TEST(SubsetAim, TooFewPromptsAreNotMeasured) {
  EXPECT_EQ(aim_at_subsets(three_domains(1, 0.5, 1).domains, 2, kPermutations, 1).folds, 0);
  EXPECT_EQ(aim_at_subsets(three_domains(1, 0.5, 3).domains, 2, kPermutations, 1).folds, 3);
  EXPECT_EQ(aim_at_subsets({}, 2, kPermutations, 1).folds, 0);
}

}  // namespace
}  // namespace moestress::experts

#include "protocol/mixed_prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using record::Verdict;
using ::testing::HasSubstr;

/// One layer of 6 experts, one active: `tokens` tokens for each expert named.
record::RoutingTrace trace(const std::vector<std::uint16_t>& experts) {
  record::RoutingTrace out;
  out.layers = {0};
  out.experts = 6;
  out.k = 1;
  out.tokens = experts.size();
  out.ids = experts;
  out.weights.assign(experts.size(), 1.0F);
  return out;
}

record::TestResult judged(const std::vector<record::RoutingTrace>& mixed) {
  const std::vector<RoutingSet> domains{{"a", {trace({0, 0, 1, 1})}, {}}, {"b", {trace({2, 2, 3, 3})}, {}}};
  const RoutingSet set{"mixed", mixed, {}};
  ResultBuilder result;
  const std::string clause = judge_mixtures(
      domains, set, std::vector<MixedPrompt>(mixed.size(), MixedPrompt{0, 0, 1, 0}), 1, result);
  result.judge(Verdict::Pass, clause);
  return result.take();
}

TEST(MixedPrompts, TakeOnePromptOfEachDomainInTurn) {
  const std::vector<TextSet> sets{
      {"a", {{"a1", "A1"}, {"a2", "A2"}}}, {"b", {{"b1", "B1"}, {"b2", "B2"}}}, {"c", {{"c1", "C1"}}}};
  std::vector<MixedPrompt> mixed;
  const auto set = mix_prompts(sets, 2, mixed);
  ASSERT_EQ(set.texts.size(), 4u);
  EXPECT_EQ(set.texts[0].text, "A1\n\nB1");
  EXPECT_EQ(set.texts[1].text, "B2\n\nA2");
  EXPECT_EQ(set.texts[1].id, "a2+b2");
  EXPECT_EQ(mixed[2].domain_b, 2u);
}

TEST(MixedPrompts, BetweenTheirPartsPass) {
  const auto result = judged({trace({0, 1, 2, 3}), trace({0, 0, 1, 1, 2, 3}), trace({0, 1, 2, 2, 3, 3})});
  EXPECT_EQ(result.verdict, Verdict::Pass);
  EXPECT_THAT(result.reason, HasSubstr("3 of 3 mixed prompts lie between their parts (weight 0.50)"));
  EXPECT_EQ(result.metrics.at("mixed_between").value, 1);
}

TEST(MixedPrompts, ElsewhereFail) {
  const auto result = judged({trace({4, 5}), trace({4, 4, 5}), trace({4, 5, 5, 5})});
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("no nearer to their parts"));
  const auto one_part = judged({trace({0, 0, 1, 1, 0, 1}), trace({0, 0, 1, 1}), trace({0, 1})});
  EXPECT_EQ(one_part.verdict, Verdict::Fail) << "as if the other part were not there";
}

TEST(MixedPrompts, SomeHereSomeThereDecideNothing) {
  const auto result = judged({trace({0, 1, 2, 3}), trace({4, 5}), trace({4, 4, 5, 5})});
  EXPECT_EQ(result.verdict, Verdict::Inconclusive) << result.reason;
}

TEST(MixedPrompts, OfPartsThatAreTheSameSayNothing) {
  const std::vector<RoutingSet> domains{{"a", {trace({0, 1})}, {}}, {"b", {trace({0, 1})}, {}}};
  ResultBuilder result;
  EXPECT_EQ(judge_mixtures(domains, {"mixed", {trace({2, 3})}, {}}, {{0, 0, 1, 0}}, 1, result), "");
}

}  // namespace
}  // namespace moestress::protocol

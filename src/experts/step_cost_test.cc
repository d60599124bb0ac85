#include "experts/step_cost.h"

#include <gtest/gtest.h>

#include "experts/switching.h"
#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

using namespace std::chrono_literals;

/// A reply whose chunks come at the given instants.
record::Outcome reply(const std::vector<std::pair<base::Duration, std::string>>& chunks) {
  record::Outcome outcome;
  for (const auto& [at, text] : chunks) {
    outcome.chunks.push_back({at, text});
    outcome.text += text;
  }
  return outcome;
}

TEST(AlignSteps, AStepReadsTheTokenBeforeTheOneItMakes) {
  const std::vector<std::string> pieces{"", "Hi", "!", " a", " bc", "d"};
  const auto aligned = align_steps(reply({{10ms, " a"}, {15ms, " bc"}, {27ms, "d"}}), pieces);
  ASSERT_EQ(aligned.steps.size(), 2U);
  EXPECT_EQ(aligned.dropped, 0);
  EXPECT_EQ(aligned.steps[0].token, 3U) << "\" a\", which made \" bc\"";
  EXPECT_DOUBLE_EQ(aligned.steps[0].ms, 5);
  EXPECT_EQ(aligned.steps[1].token, 4U);
  EXPECT_DOUBLE_EQ(aligned.steps[1].ms, 12);
  EXPECT_EQ(aligned.steps[1].at, 27ms);
}

TEST(AlignSteps, DropsWhatIsNotOneToken) {
  const std::vector<std::string> pieces{"p", "a", "b", "cd", "e", "f"};
  // "c" and "d" are parts of one token; "ef" is two: neither they nor what follows them has a step.
  const auto aligned =
      align_steps(reply({{1ms, "a"}, {2ms, "b"}, {3ms, "c"}, {4ms, "d"}, {5ms, "ef"}}), pieces);
  ASSERT_EQ(aligned.steps.size(), 1U);
  EXPECT_EQ(aligned.steps[0].token, 1U);
  EXPECT_EQ(aligned.dropped, 3);
}

TEST(AlignSteps, AnotherTextHasNoSteps) {
  const auto said = reply({{1ms, "a"}, {2ms, "b"}, {3ms, "c"}});
  EXPECT_EQ(align_steps(said, std::vector<std::string>{"p", "a", "b", "x"}).dropped, 2);
  EXPECT_TRUE(align_steps(said, std::vector<std::string>{"b", "c"}).steps.empty())
      << "shorter than the reply";
  EXPECT_TRUE(align_steps(said, std::vector<std::string>{"pa", "b", "c"}).steps.empty())
      << "the reply begins inside a token";
  EXPECT_EQ(align_steps(record::Outcome{}, {}).dropped, 0);
}

/// A reply of one-letter tokens after a prompt token, in the times that `ms_of` gives each step.
template <class Ms>
AlignedReply timed(const record::RoutingTrace& trace, base::Duration begin, const Ms& ms_of) {
  AlignedReply aligned;
  base::Duration at = begin;
  for (std::size_t token = 1; token < trace.tokens; ++token) {
    const double ms = ms_of(token);
    at += base::from_seconds(ms / 1000);
    aligned.steps.push_back({at, ms, token});
  }
  return aligned;
}

TEST(SwitchCost, FindsTheCostOfASwitchDespiteOutliers) {
  base::Random random(3);
  const auto trace = random_trace(random, 200, 4, 8, 2);
  const auto changed = experts_changed(trace);
  const auto cost = [&](double per_switch) {
    const std::vector replies{timed(trace, 0ms, [&](std::size_t token) {
      const double outlier = token % 20 == 0 ? 80 : 0;
      return 20 + per_switch * changed[token] + random.normal() * 0.5 + outlier;
    })};
    return switch_cost_ms(replies, std::vector{trace});
  };
  const auto with = cost(0.7);
  EXPECT_NEAR(with.slope, 0.7, 0.1);
  EXPECT_TRUE(with.interval.contains(0.7));
  EXPECT_GT(with.interval.lo, 0);
  EXPECT_TRUE(cost(0).interval.contains(0));
  EXPECT_EQ(with.n, 199);
}

TEST(SwitchCost, ASlowerTimeOfTheMachineIsNoPriceOfSwitching) {
  base::Random random(4);
  const auto little = random_trace(random, 60, 4, 8, 2, 8), much = random_trace(random, 60, 4, 8, 2);
  const std::vector replies{timed(little, 0ms, [&](std::size_t) { return 40 + random.normal(); }),
                            timed(much, 0ms, [&](std::size_t) { return 20 + random.normal(); })};
  const auto cost = switch_cost_ms(replies, std::vector{little, much});
  EXPECT_TRUE(cost.interval.contains(0)) << cost.slope;
}

TEST(BatchSteps, TokensThatComeTogetherAreOneBatch) {
  base::Random random(5);
  const auto a = random_trace(random, 20, 3, 8, 2), b = random_trace(random, 10, 3, 8, 2);
  const std::vector replies{timed(a, 0ms, [](std::size_t) { return 20.0; }),
                            timed(b, 1ms, [](std::size_t) { return 20.0; })};
  const std::vector traces{a, b};
  const auto steps = batch_steps(replies, traces);
  ASSERT_EQ(steps.size(), 19U);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].batch, i < 9 ? 2 : 1) << i;
    EXPECT_DOUBLE_EQ(steps[i].ms, 20);
    const record::RoutingTrace* const both[] = {&a, &b};
    const std::size_t tokens[] = {i + 1, i + 1};
    if (i < 9) {
      EXPECT_EQ(steps[i].distinct, distinct_experts(both, tokens));
    } else {
      EXPECT_EQ(steps[i].distinct, 6) << "one token needs k of each layer";
    }
  }
  EXPECT_TRUE(batch_steps({}, {}).empty());
}

}  // namespace
}  // namespace moestress::experts

#include "load/claims.h"

#include <gtest/gtest.h>

#include <chrono>

namespace moestress::load {
namespace {

using namespace std::chrono_literals;

record::Outcome reply(base::Duration ttft, base::Duration decode, std::optional<double> prompt_ms,
                      std::optional<double> decode_ms) {
  record::Outcome outcome;
  outcome.planned = 0ms;
  outcome.sent = 1s;
  outcome.first_text = 1s + ttft;
  outcome.last_text = outcome.first_text + decode;
  outcome.claims.prompt_ms = prompt_ms;
  outcome.claims.decode_ms = decode_ms;
  return outcome;
}

TEST(Claims, AreHeldAgainstTheTimesFromTheSend) {
  std::vector outcomes{reply(100ms, 400ms, 50, 400), reply(200ms, 200ms, 20, std::nullopt),
                       reply(49ms, 40ms, 1, 1), reply(100ms, 100ms, 1, 1)};
  outcomes.back().ending = record::Ending::Reset;
  const auto ratios = claim_ratios(outcomes);
  EXPECT_EQ(ratios.ttft, (std::vector{0.1, 0.5}));
  EXPECT_EQ(ratios.decode, (std::vector{1.0}));
}

TEST(Claims, OutsideIsSaidOnlyOfEnoughReplies) {
  const std::vector<double> low(6, 0.1);
  EXPECT_TRUE(surely_outside(low, 0.5, 1.1));
  EXPECT_FALSE(surely_outside(std::span(low).first(5), 0.5, 1.1));
  EXPECT_FALSE(surely_outside(low, 0.1, 1.1));
  EXPECT_TRUE(surely_outside(std::vector<double>(6, 1.2), 0.5, 1.1));
  EXPECT_FALSE(surely_outside({}, 0.5, 1.1));
}

}  // namespace
}  // namespace moestress::load

#include "protocol/prompt_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Prompts that grow by `step` tokens, as a server with another template and tokenizer claims them.
std::vector<PromptCount> growing(int turns, double ratio, double offset) {
  std::vector<PromptCount> counts;
  for (int i = 0; i < turns; ++i) {
    const int counted = 30 + 25 * i + (i % 3) * 4;
    counts.push_back({static_cast<std::int64_t>(ratio * counted + offset), counted});
  }
  return counts;
}

TEST(ClaimScale, TellsExactClaimsFromScaledOnes) {
  const std::vector<PromptCount> exact{{31, 30}, {61, 60}, {92, 90}};
  EXPECT_TRUE(claim_scale(exact).exact);
  EXPECT_EQ(claim_scale(exact).offset, 1);
  const std::vector<PromptCount> scaled{{45, 30}, {90, 60}, {135, 90}};
  EXPECT_FALSE(claim_scale(scaled).exact);
  EXPECT_DOUBLE_EQ(claim_scale(scaled).ratio, 1.5);
}

TEST(TurnsMissing, NoneOfASoundServer) {
  for (const double ratio : {1.0, 0.6, 1.7}) {
    const auto turns = growing(20, ratio, 6);
    EXPECT_THAT(turns_missing(turns, claim_scale(std::span(turns).first(2))), IsEmpty()) << ratio;
  }
}

TEST(TurnsMissing, OneTurnLeftOut) {
  auto turns = growing(10, 1, 0);
  for (std::size_t i = 6; i < 10; ++i) turns[i].claimed -= 25;
  EXPECT_THAT(turns_missing(turns, claim_scale(std::span(turns).first(2))), ElementsAre(6, 7, 8, 9));
  // With another tokenizer only the turn at which it goes is seen.
  auto scaled = growing(10, 1.5, 8);
  for (std::size_t i = 6; i < 10; ++i) scaled[i].claimed -= 36;
  EXPECT_THAT(turns_missing(scaled, claim_scale(std::span(scaled).first(2))), ElementsAre(6));
}

TEST(TurnsMissing, OnlyTheLastTurnsKept) {
  auto turns = growing(10, 1.4, 0);
  for (std::size_t i = 4; i < 10; ++i) turns[i].claimed = turns[3].claimed + static_cast<int>(i % 2);
  EXPECT_THAT(turns_missing(turns, {false, 0, 1.4}), ElementsAre(4, 5, 6, 7, 8, 9));
}

}  // namespace
}  // namespace moestress::protocol

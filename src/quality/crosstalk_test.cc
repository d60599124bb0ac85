#include "quality/crosstalk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace moestress::quality {
namespace {

using Tokens = std::vector<std::int32_t>;

/// Gives one row whatever the position, and remembers what was asked for.
class Row {
 public:
  explicit Row(std::vector<float> logits) : logits_(std::move(logits)) {}
  LogitsAt at() {
    return [this](std::size_t position) -> base::Result<std::vector<float>> {
      asked_.push_back(position);
      return logits_;
    };
  }
  const std::vector<std::size_t>& asked() const { return asked_; }

 private:
  std::vector<float> logits_;
  std::vector<std::size_t> asked_;
};

TEST(CompareSession, TheSameTokensAreNeverLookedUp) {
  Row row({1, 2});
  const auto result = compare_session(Tokens{5, 6}, Tokens{5, 6}, row.at());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->parting, Parting::Same);
  EXPECT_EQ(result->position, -1);
  EXPECT_TRUE(row.asked().empty());
  EXPECT_EQ(compare_session(Tokens{}, Tokens{}, row.at())->parting, Parting::Same);
}

TEST(CompareSession, ATokenNearlyAsGoodIsANearTie) {
  Row row({0, 3.0F, 2.95F, 1});
  const auto result = compare_session(Tokens{0, 1, 1}, Tokens{0, 2, 3}, row.at());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->parting, Parting::NearTie);
  EXPECT_EQ(result->position, 1);
  EXPECT_NEAR(result->margin_nats, 0.05, 1e-6);
  EXPECT_THAT(row.asked(), testing::ElementsAre(1));
}

TEST(CompareSession, AWrongTokenIsCrossTalkThoughTheTwoBestTie) {
  Row row({0, 3.0F, 2.95F, 1});
  const auto result = compare_session(Tokens{1}, Tokens{3}, row.at());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->parting, Parting::CrossTalk);
  EXPECT_NEAR(result->margin_nats, 2, 1e-6);
}

TEST(CompareSession, TheBoundIsTheCallers) {
  Row row({0, 3, 2});
  EXPECT_EQ(compare_session(Tokens{1}, Tokens{2}, row.at(), 1.0)->parting, Parting::NearTie);
  EXPECT_EQ(compare_session(Tokens{1}, Tokens{2}, row.at(), 0.99)->parting, Parting::CrossTalk);
}

TEST(CompareSession, AnEarlierEndIsJudgedByTheTwoBest) {
  Row sure({0, 9, 2});
  const auto shorter = compare_session(Tokens{1, 1}, Tokens{1}, sure.at());
  EXPECT_EQ(shorter->parting, Parting::CrossTalk);
  EXPECT_EQ(shorter->position, 1);
  EXPECT_NEAR(shorter->margin_nats, 7, 1e-6);
  Row unsure({0, 9, 8.99F});
  EXPECT_EQ(compare_session(Tokens{1}, Tokens{1, 1}, unsure.at())->parting, Parting::NearTie);
}

TEST(CompareSession, PassesErrorsOnAndRefusesNonsense) {
  const LogitsAt broken = [](std::size_t) -> base::Result<std::vector<float>> {
    return base::fail(base::ErrorCode::TargetDied, "gone");
  };
  EXPECT_EQ(compare_session(Tokens{1}, Tokens{2}, broken).error().code, base::ErrorCode::TargetDied);
  for (const auto& logits : {std::vector<float>{}, std::vector<float>{0, NAN}, std::vector<float>{0, 1}}) {
    Row row(logits);
    EXPECT_EQ(compare_session(Tokens{1}, Tokens{2}, row.at()).error().code, base::ErrorCode::Format);
  }
  Row row({0, 1});
  EXPECT_EQ(compare_session(Tokens{1}, Tokens{-1}, row.at()).error().code, base::ErrorCode::Format);
}

TEST(Parting, HasNames) {
  EXPECT_STREQ(to_string(Parting::Same), "same");
  EXPECT_STREQ(to_string(Parting::NearTie), "near-tie");
  EXPECT_STREQ(to_string(Parting::CrossTalk), "cross-talk");
}

}  // namespace
}  // namespace moestress::quality

#include "protocol/cross_talk.h"

#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

record::Outcome reply(const std::string& text) {
  record::Outcome outcome;
  outcome.text = text;
  outcome.finish_reason = "length";
  return outcome;
}

record::Outcome alone_reply() {
  auto alone = reply("one two six");
  alone.choices = {{"one", -0.1, 5.0}, {" two", -0.2, 4.0}, {" six", -0.7, 0.02}};
  return alone;
}

TEST(CrossTalk, TheSameTextIsTheSame) {
  EXPECT_EQ(compare_with_alone(alone_reply(), reply("one two six")).parting, Parting::Same);
}

TEST(CrossTalk, PartingAtANearTieIsNone) {
  const auto comparison = compare_with_alone(alone_reply(), reply("one two sum"));
  EXPECT_EQ(comparison.parting, Parting::NearTie);
  EXPECT_EQ(comparison.byte, 9u);
}

TEST(CrossTalk, PartingWhereThereWasNoDoubtIsCrossTalk) {
  const auto comparison = compare_with_alone(alone_reply(), reply("one six two"));
  EXPECT_EQ(comparison.parting, Parting::CrossTalk);
  EXPECT_DOUBLE_EQ(comparison.margin_nats, 4.0);
}

TEST(CrossTalk, PartingWhereRoundingMayReachIsDoubtful) {
  auto alone = alone_reply();
  alone.choices.back().margin_nats = 0.2;
  EXPECT_EQ(compare_with_alone(alone, reply("one two sum")).parting, Parting::Doubtful);
  alone.choices.back().margin_nats = 1.2;
  EXPECT_EQ(compare_with_alone(alone, reply("one two sum")).parting, Parting::CrossTalk);
}

TEST(CrossTalk, AnEarlierEndCounts) {
  EXPECT_EQ(compare_with_alone(alone_reply(), reply("one")).parting, Parting::CrossTalk);
}

TEST(CrossTalk, WithoutLogProbabilitiesNothingExcusesADifference) {
  auto alone = alone_reply();
  alone.choices.clear();
  const auto comparison = compare_with_alone(alone, reply("one two sum"));
  EXPECT_FALSE(comparison.margin_known);
  EXPECT_EQ(comparison.parting, Parting::CrossTalk);
}

}  // namespace
}  // namespace moestress::protocol

#include "record/result.h"

#include <gtest/gtest.h>

namespace moestress::record {
namespace {

TEST(Combine, TheWorstStandsForAll) {
  using enum Verdict;
  EXPECT_EQ(combine({Pass, Skipped, Fail, Invalid}), Fail);
  EXPECT_EQ(combine({Pass, Inconclusive, Invalid}), Invalid);
  EXPECT_EQ(combine({Pass, Inconclusive, Skipped}), Inconclusive);
  EXPECT_EQ(combine({Pass, Skipped}), Pass);
}

TEST(Combine, NothingMeasuredIsNoPass) {
  EXPECT_EQ(combine({}), Verdict::Skipped);
  EXPECT_EQ(combine({Verdict::Skipped, Verdict::Skipped}), Verdict::Skipped);
}

TEST(Verdict, NamesGoBothWays) {
  for (const auto verdict :
       {Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Invalid, Verdict::Skipped})
    EXPECT_EQ(verdict_from(to_string(verdict)), verdict);
  EXPECT_EQ(verdict_from("pass"), std::nullopt);
}

}  // namespace
}  // namespace moestress::record

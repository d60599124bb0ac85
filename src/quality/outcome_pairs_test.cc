#include "quality/outcome_pairs.h"

#include <gtest/gtest.h>

namespace moestress::quality {
namespace {

OutcomePairs pairs(std::int64_t both_right, std::int64_t both_wrong, std::int64_t lost, std::int64_t won) {
  return {both_right, both_wrong, lost, won};
}

TEST(OutcomePairs, AreCountedByOutcome) {
  OutcomePairs all;
  all.add(true, true);
  all.add(true, false);
  all.add(true, false);
  all.add(false, true);
  all.add(false, false);
  EXPECT_EQ(all.both_right, 1);
  EXPECT_EQ(all.lost, 2);
  EXPECT_EQ(all.won, 1);
  EXPECT_EQ(all.both_wrong, 1);
  EXPECT_EQ(all.pairs(), 5);
  EXPECT_EQ(all.flips(), 3);
  EXPECT_DOUBLE_EQ(all.unflipped(), 0.4);
}

TEST(OutcomePairs, SixLostAndNoneWonAreWorse) {
  EXPECT_FALSE(pairs(10, 0, 5, 0).worse());  // p = 0.0625
  EXPECT_TRUE(pairs(10, 0, 6, 0).worse());   // p = 0.03125
  EXPECT_NEAR(pairs(10, 0, 6, 0).p(), 0.03125, 1e-12);
  EXPECT_FALSE(pairs(10, 0, 0, 6).worse()) << "better is not worse";
  EXPECT_FALSE(pairs(10, 0, 8, 4).worse());
}

TEST(OutcomePairs, SeventyThreeWithoutAFlipDecide) {
  EXPECT_LT(pairs(72, 0, 0, 0).unflipped_wilson().lo, 0.95);
  EXPECT_GT(pairs(40, 33, 0, 0).unflipped_wilson().lo, 0.95);
  EXPECT_EQ(pairs(5, 0, 0, 0).pairs_needed(0.95), 73);
  EXPECT_FALSE(pairs(9, 0, 1, 0).pairs_needed(0.95));
  EXPECT_EQ(OutcomePairs{}.unflipped(), 0);
  EXPECT_FALSE(OutcomePairs{}.pairs_needed(0.95));
}

}  // namespace
}  // namespace moestress::quality

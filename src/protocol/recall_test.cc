#include "protocol/recall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace moestress::protocol {
namespace {

using record::Verdict;
using ::testing::HasSubstr;

/// 8 lengths by 4 depths; what is recalled where is up to the test.
std::vector<RecallTrial> grid(const std::function<bool(double length, double depth)>& recalled,
                              bool control = true) {
  std::vector<RecallTrial> trials;
  for (int length = 1; length <= 8; ++length)
    for (const double depth : {0.0, 0.3, 0.6, 0.9})
      trials.push_back({100.0 * length, depth, control, recalled(length, depth)});
  return trials;
}

TEST(Recall, WhatIsRecalledPasses) {
  const auto recall = judge_recall(grid([](double, double) { return true; }));
  EXPECT_EQ(recall.verdict, Verdict::Pass);
  EXPECT_EQ(recall.recalled, 32);
  EXPECT_GT(recall.share.lo, 0.85);
  EXPECT_FALSE(recall.worse);
}

TEST(Recall, ALostFrontHalfIsFoundThoughHalfOfAllIsThere) {
  const auto recall = judge_recall(grid([](double, double depth) { return depth >= 0.5; }));
  EXPECT_EQ(recall.verdict, Verdict::Fail);
  EXPECT_THAT(recall.text, HasSubstr("front half"));
  EXPECT_THAT(recall.text, HasSubstr("0 of 16"));
}

TEST(Recall, LostLongTextsAreFound) {
  const auto recall = judge_recall(grid([](double length, double) { return length <= 4; }));
  EXPECT_EQ(recall.verdict, Verdict::Fail);
  EXPECT_THAT(recall.text, HasSubstr("longer texts"));
}

TEST(Recall, AModelTooWeakForTheQuestionIsNotTheServersFault) {
  const auto recall = judge_recall(grid([](double, double) { return false; }, false));
  EXPECT_EQ(recall.verdict, Verdict::Inconclusive);
  EXPECT_THAT(recall.text, HasSubstr("0 of 32 needles were answered right after the fact"));
}

TEST(Recall, TooFewNeedlesShowNothing) {
  std::vector<RecallTrial> trials{{100, 0.1, true, false}, {200, 0.9, true, false}, {300, 0.9, true, false}};
  EXPECT_EQ(judge_recall(trials).verdict, Verdict::Inconclusive);
  EXPECT_EQ(judge_recall({}).verdict, Verdict::Inconclusive);
  EXPECT_EQ(judge_recall({}).asked, 0);
  EXPECT_THAT(judge_recall(trials).hint, HasSubstr("context_needle_depths"));
}

TEST(Recall, ALossOfLessThanHalfIsSaidButNoFault) {
  int turn = 0;
  const auto recall = judge_recall(grid([&turn](double, double) { return turn++ % 3 != 0; }));
  EXPECT_EQ(recall.verdict, Verdict::Pass);
  EXPECT_TRUE(recall.worse);
}

}  // namespace
}  // namespace moestress::protocol

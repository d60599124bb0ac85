#include "protocol/result_builder.h"

#include <gtest/gtest.h>

#include <cmath>

namespace moestress::protocol {
namespace {

using record::Verdict;

TEST(ResultBuilder, TheGraverVerdictStaysWithItsReason) {
  ResultBuilder builder;
  builder.judge(Verdict::Fail, "first fault");
  builder.judge(Verdict::Fail, "second fault");
  builder.judge(Verdict::Pass, "all well");
  const auto result = builder.take();
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_EQ(result.reason, "first fault");
}

TEST(ResultBuilder, AFailureReplacesAPass) {
  ResultBuilder builder;
  builder.judge(Verdict::Pass, "all well");
  builder.judge(Verdict::Inconclusive, "too few");
  EXPECT_EQ(builder.take().verdict, Verdict::Inconclusive);
}

TEST(ResultBuilder, APassNamesWhatItDidNotDecide) {
  ResultBuilder builder;
  builder.judge(Verdict::Pass, "all well");
  builder.undecided("the trend", "2 windows, it takes 6");
  builder.undecided("decay", "1 length");
  const auto result = builder.take();
  EXPECT_EQ(result.reason, "all well; not decided: the trend, decay");
  EXPECT_EQ(result.findings.front().text, "the trend is not decided: 2 windows, it takes 6");
  ResultBuilder failed;
  failed.undecided("the trend", "2 windows");
  failed.judge(Verdict::Fail, "a fault");
  EXPECT_EQ(failed.take().reason, "a fault");
}

TEST(ResultBuilder, UnboundedIntervalsAreNotShown) {
  ResultBuilder builder;
  builder.metric("x", 1, "ms", 1, stats::Interval{});
  builder.metric("y", 1, "ms", 9, stats::Interval{0.5, 1.5});
  const auto result = builder.take();
  EXPECT_FALSE(result.metrics.at("x").ci);
  EXPECT_EQ(result.metrics.at("y").ci, (std::pair{0.5, 1.5}));
}

TEST(ResultBuilder, AFigureThatIsNoneIsLeftOut) {
  ResultBuilder builder;
  builder.metric("x", std::nan(""), "ms", 1);
  builder.metric("y", 1 / 0.0, "ms", 1);
  EXPECT_TRUE(builder.take().metrics.empty());
}

}  // namespace
}  // namespace moestress::protocol

#include "protocol/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace moestress::protocol {
namespace {

using record::TestResult;
using record::Verdict;
using ::testing::HasSubstr;

TestResult test_of(const std::string& id, record::Metrics metrics = {}) {
  TestResult test;
  test.id = id;
  test.verdict = Verdict::Pass;
  test.reason = "so";
  test.metrics = std::move(metrics);
  return test;
}

record::Outcome outcome_of(double ttft_ms, record::Ending ending = record::Ending::Complete) {
  record::Outcome outcome;
  outcome.ending = ending;
  outcome.planned = outcome.sent = base::Duration(0);
  outcome.first_text = base::from_seconds(ttft_ms / 1000);
  outcome.last_text = outcome.first_text + std::chrono::seconds(1);
  outcome.done = outcome.last_text;
  outcome.completion_tokens = 11;
  return outcome;
}

class Checks : public ::testing::Test {
 protected:
  /// The result of one check over `tests_` and `outcomes_`.
  record::CheckResult judged(const std::string& expect) {
    CheckWatch watch({{expect, false}}, read());
    const auto results = watch.judge(tests_);
    EXPECT_EQ(results.size(), 1U) << expect;
    return results.front();
  }
  CheckWatch::Read read() {
    return [this](const std::string& test, const auto& visit) -> base::Status {
      ++reads_;
      for (const auto& outcome : outcomes_[test]) visit(outcome);
      return {};
    };
  }
  void requests(const std::string& test, int count, double ttft_ms) {
    for (int i = 0; i < count; ++i) outcomes_[test].push_back(outcome_of(ttft_ms));
  }

  std::vector<TestResult> tests_;
  std::map<std::string, std::vector<record::Outcome>> outcomes_;
  int reads_ = 0;
};

TEST_F(Checks, HoldAStatisticOfRequestsAgainstTheLimit) {
  tests_ = {test_of("1.2"), test_of("2.2")};
  requests("1.2", 10, 100);
  requests("2.2", 10, 300);
  const auto mean = judged("ttft_ms avg < 250");
  EXPECT_EQ(mean.verdict, Verdict::Pass) << mean.reason;
  EXPECT_NEAR(*mean.measured, 200, 1e-6);
  EXPECT_EQ(mean.n, 20);
  EXPECT_EQ(mean.unit, "ms");
  EXPECT_EQ(mean.test, "");
  const auto of_test = judged("2.2/ttft_ms avg < 250");
  EXPECT_EQ(of_test.verdict, Verdict::Fail);
  EXPECT_EQ(of_test.test, "2.2");
  EXPECT_EQ(of_test.n, 10);
  EXPECT_THAT(of_test.reason, HasSubstr("measured 300 ms (n 10)"));
  EXPECT_EQ(judged("ttft_ms min > 99").verdict, Verdict::Pass);
  EXPECT_EQ(judged("ttft_ms max > 301").verdict, Verdict::Fail);
  EXPECT_EQ(judged("decode_tok_s med >= 9.99").verdict, Verdict::Pass);
  EXPECT_EQ(judged("itl_ms avg < 5").verdict, Verdict::Inconclusive) << "no request came in pieces";
}

TEST_F(Checks, AQuantileOfTooFewIsInconclusive) {
  tests_ = {test_of("2.2")};
  requests("2.2", 63, 100);
  const auto few = judged("ttft_ms p(90) < 500");
  EXPECT_EQ(few.verdict, Verdict::Inconclusive);
  EXPECT_THAT(few.reason, HasSubstr("63 values are too few for p(90): it takes 64"));
  EXPECT_TRUE(few.measured);
  requests("2.2", 1, 100);
  EXPECT_EQ(judged("ttft_ms p(90) < 500").verdict, Verdict::Pass);
  EXPECT_EQ(judged("ttft_ms p(90) < 50").verdict, Verdict::Fail);
  EXPECT_THAT(judged("ttft_ms p(99) < 500").reason, HasSubstr("it takes 662"));
}

TEST_F(Checks, ARateLeavesOutWhatWeCancelled) {
  tests_ = {test_of("2.2")};
  requests("2.2", 3, 100);
  outcomes_["2.2"].push_back(outcome_of(1, record::Ending::Http5xx));
  outcomes_["2.2"].push_back(outcome_of(1, record::Ending::Cancelled));
  const auto rate = judged("requests_failed rate < 0.1");
  EXPECT_EQ(rate.verdict, Verdict::Fail);
  EXPECT_EQ(*rate.measured, 0.25);
  EXPECT_EQ(rate.n, 4);
  EXPECT_EQ(judged("requests_ok rate == 0.75").verdict, Verdict::Pass);
}

TEST_F(Checks, AFigureOfATestDecidesByItself) {
  tests_ = {test_of("2.1", {{"decode_tok_s_min", {9.5, "tok/s", 40, std::pair{9.0, 10.5}}}}), test_of("2.2")};
  const auto check = judged("decode_tok_s_min >= 10");
  EXPECT_EQ(check.verdict, Verdict::Fail);
  EXPECT_EQ(check.test, "2.1");
  EXPECT_EQ(check.unit, "tok/s");
  EXPECT_EQ(check.n, 40);
  EXPECT_EQ(reads_, 0) << "no request is read for it";
}

TEST_F(Checks, OfSeveralTestsTheOneThatFailsDecides) {
  tests_ = {test_of("2.1", {{"ttft_ms_p50", {900, "ms", 4, {}}}}),
            test_of("5.2", {{"ttft_ms_p50", {100, "ms", 4, {}}}})};
  EXPECT_EQ(judged("ttft_ms_p50 < 500").verdict, Verdict::Fail);
  EXPECT_EQ(judged("ttft_ms_p50 < 500").test, "2.1");
  EXPECT_EQ(judged("5.2/ttft_ms_p50 < 500").verdict, Verdict::Pass);
}

TEST_F(Checks, WhatWasNotMeasuredNeverPasses) {
  tests_ = {test_of("1.1")};
  EXPECT_EQ(judged("decode_tok_s_min >= 0").verdict, Verdict::Skipped);
  EXPECT_THAT(judged("2.1/decode_tok_s_min >= 0").reason, HasSubstr("test 2.1 was not run"));
  tests_.push_back(test_of("2.1"));
  const auto silent = judged("decode_tok_s_min >= 0");
  EXPECT_EQ(silent.verdict, Verdict::Inconclusive);
  EXPECT_THAT(silent.reason, HasSubstr("test 2.1 gave no decode_tok_s_min: so"));
  EXPECT_EQ(judged("2.1/ttft_ms avg > 0").verdict, Verdict::Inconclusive);
}

TEST_F(Checks, AnInvalidTestMakesItsChecksInvalid) {
  tests_ = {test_of("2.2")};
  requests("2.2", 5, 100);
  tests_[0].verdict = Verdict::Invalid;
  tests_[0].reason = "the client lagged";
  const auto check = judged("ttft_ms avg < 500");
  EXPECT_EQ(check.verdict, Verdict::Invalid);
  EXPECT_THAT(check.reason, HasSubstr("the client lagged"));
}

TEST_F(Checks, OnlyAFailedOneThatMayEndsTheRunAndEachTestIsReadOnce) {
  tests_ = {test_of("2.2")};
  requests("2.2", 5, 100);
  CheckWatch watch({{"ttft_ms avg < 50", false}, {"ttft_ms avg < 500", true}}, read());
  EXPECT_FALSE(watch.abort_for(tests_));
  CheckWatch strict({{"ttft_ms avg < 500", true}, {"ttft_ms avg < 50", true}, {"e2e_ms max < 1", true}},
                    read());
  reads_ = 0;
  const auto failed = strict.abort_for(tests_);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->expression, "ttft_ms avg < 50");
  EXPECT_EQ(reads_, 1);
}

}  // namespace
}  // namespace moestress::protocol

#include "protocol/criteria.h"

#include <gtest/gtest.h>

#include <set>

namespace moestress::protocol {
namespace {

using record::Metric;
using record::Verdict;

/// A model on which every figure that a criterion needs is good.
record::ModelResult sound_model() {
  record::ModelResult model;
  record::TestResult long_form;
  long_form.id = "2.1";
  long_form.verdict = Verdict::Pass;
  long_form.metrics = {{"decode_tok_s_min", {14.0, "tok/s", 300, {}}},
                       {"decode_tok_s_mean", {15.0, "tok/s", 20, {}}},
                       {"decode_tok_s_trend_percent", {0.5, "%", 30, {{-1.0, 2.0}}}},
                       {"private_bytes_per_hour", {1000, "bytes/h", 900, {{-2000, 4000}}}}};
  record::TestResult concurrency;
  concurrency.id = "2.2";
  concurrency.verdict = Verdict::Pass;
  concurrency.metrics = {{"aggregate_tok_s_s3", {34, "tok/s", 3, {}}},
                         {"speedup_s3", {1.5, "", 4, {{1.3, 1.7}}}},
                         {"session_tok_s_min_s3", {11, "tok/s", 3, {{10.5, 11.5}}}},
                         {"requests_failed_s3", {0, "", 3, {}}},
                         {"cross_talk_texts", {0, "", 9, {}}}};
  record::TestResult routing;
  routing.id = "3.1";
  routing.verdict = Verdict::Pass;
  routing.metrics = {{"expert_coverage", {0.97, "", 5000, {}}}};
  record::TestResult memory;
  memory.id = "5.1";
  memory.verdict = Verdict::Pass;
  memory.metrics = {{"private_bytes_peak", {4e9, "bytes", 1, {}}},
                    {"kv_bytes_per_token", {49152, "bytes", 5, {{49100, 49200}}}},
                    {"kv_bytes_per_token_predicted", {49152, "bytes", 1, {}}},
                    {"kv_bytes_quadratic", {0.0, "bytes/token²", 5, {{-1e-6, 1e-6}}}}};
  record::TestResult consistency;
  consistency.id = "6.1";
  consistency.verdict = Verdict::Pass;
  consistency.metrics = {{"top1_agreement", {0.999, "", 100, {{0.96, 1.0}}}}};
  model.tests = {long_form, concurrency, routing, memory, consistency};
  return model;
}

CriterionInput input_of(const record::ModelResult& model, const plan::Thresholds& thresholds) {
  CriterionInput input{model, thresholds};
  input.has_device = true;
  input.hours = 8.5;
  input.device_peaks = {{"engine", 3e9}, {"process", 3.4e9}};
  return input;
}

record::TestResult& test_of(record::ModelResult& model, const std::string& id) {
  for (auto& test : model.tests)
    if (test.id == id) return test;
  throw std::out_of_range(id);
}

class Criteria : public testing::Test {
 protected:
  record::CriterionResult decide(const std::string& id) {
    for (auto& criterion : decide_criteria(input_)) {
      if (criterion.id == id) return criterion;
    }
    throw std::out_of_range(id);
  }
  void set_metric(const std::string& test, const std::string& name, Metric metric) {
    test_of(model_, test).metrics[name] = metric;
  }

  plan::Thresholds thresholds_;
  record::ModelResult model_ = sound_model();
  CriterionInput input_ = input_of(model_, thresholds_);
};

TEST_F(Criteria, AllSevenAreDecidedAndExplained) {
  std::set<std::string> ids;
  for (const auto& criterion : decide_criteria(input_)) {
    ids.insert(criterion.id);
    EXPECT_FALSE(criterion.reason.empty()) << criterion.id;
    EXPECT_FALSE(criterion.threshold.empty()) << criterion.id;
  }
  EXPECT_EQ(ids, (std::set<std::string>{"C1", "C2", "C3", "C4", "C5", "C6", "C7"}));
}

TEST_F(Criteria, NothingMeasuredPassesNothing) {
  const record::ModelResult empty;
  CriterionInput input{empty, thresholds_};
  for (const auto& criterion : decide_criteria(input)) {
    EXPECT_NE(criterion.verdict, Verdict::Pass) << criterion.id;
    EXPECT_NE(criterion.verdict, Verdict::Fail) << criterion.id;
  }
}

TEST_F(Criteria, C1TakesTheSlowestWindow) {
  EXPECT_EQ(decide("C1").verdict, Verdict::Pass);
  set_metric("2.1", "decode_tok_s_min", {9.9, "tok/s", 300, {}});
  EXPECT_EQ(decide("C1").verdict, Verdict::Fail);
  test_of(model_, "2.1").verdict = Verdict::Invalid;
  EXPECT_EQ(decide("C1").verdict, Verdict::Invalid) << "our own client lagged";
  test_of(model_, "2.1").verdict = Verdict::Pass;
  test_of(model_, "2.1").metrics.erase("decode_tok_s_min");
  EXPECT_EQ(decide("C1").verdict, Verdict::Inconclusive);
}

TEST_F(Criteria, AStandInDeviceGetsNoSpeedVerdict) {
  input_.speed_of_stand_in = true;
  EXPECT_EQ(decide("C1").verdict, Verdict::Skipped);
  EXPECT_EQ(decide("C5").verdict, Verdict::Skipped);
  EXPECT_EQ(decide("C2").verdict, Verdict::Pass);
}

TEST_F(Criteria, C2TakesTheLargestFigureAndShowsAll) {
  const auto good = decide("C2");
  EXPECT_EQ(good.verdict, Verdict::Pass);
  EXPECT_EQ(good.measured, 3.4e9);
  EXPECT_NE(good.evidence.find("engine"), std::string::npos);
  EXPECT_NE(good.evidence.find("process"), std::string::npos);
  input_.device_peaks["device minus idle"] = 5.1e9;
  EXPECT_EQ(decide("C2").verdict, Verdict::Fail);
  input_.has_device = false;
  EXPECT_EQ(decide("C2").verdict, Verdict::Skipped);
}

TEST_F(Criteria, C3NeedsTheHoursAndFailsOnADeath) {
  EXPECT_EQ(decide("C3").verdict, Verdict::Pass);
  input_.hours = 0.05;
  EXPECT_EQ(decide("C3").verdict, Verdict::Inconclusive);
  EXPECT_EQ(decide("C3").measured, 3);
  EXPECT_EQ(decide("C3").unit, "min");
  input_.deaths = 1;
  EXPECT_EQ(decide("C3").verdict, Verdict::Fail);
}

TEST_F(Criteria, C3FindsLeaksAndSlowingDown) {
  set_metric("2.1", "private_bytes_per_hour", {60e6, "bytes/h", 900, {{55e6, 65e6}}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Fail);
  set_metric("2.1", "private_bytes_per_hour", {41e6, "bytes/h", 900, {{40e6, 45e6}}});  // 1.1 % of 4 GB
  EXPECT_EQ(decide("C3").verdict, Verdict::Fail);
  set_metric("2.1", "private_bytes_per_hour", {0, "bytes/h", 900, {{-1e6, 1e6}}});
  set_metric("2.1", "decode_tok_s_trend_percent", {-9, "%", 30, {{-12, -6}}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Fail);
}

TEST_F(Criteria, C3PassesNothingThatIsUnknown) {
  set_metric("2.1", "private_bytes_per_hour", {1e6, "bytes/h", 9, {{-5e6, 500e6}}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Inconclusive);
  set_metric("2.1", "private_bytes_per_hour", {0, "bytes/h", 900, {{-1e6, 1e6}}});
  set_metric("2.1", "decode_tok_s_trend_percent", {-4, "%", 30, {{-9, 1}}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Inconclusive);
  test_of(model_, "2.1").metrics.erase("private_bytes_per_hour");
  EXPECT_EQ(decide("C3").verdict, Verdict::Inconclusive) << "graver than what was not measured";
  test_of(model_, "2.1").metrics.erase("decode_tok_s_trend_percent");
  EXPECT_EQ(decide("C3").verdict, Verdict::Skipped);
}

TEST_F(Criteria, C3RestsOnTheMarathonWhereItWasRun) {
  input_.hours = 4.5;  // of the longest process: the marathon was interrupted
  EXPECT_EQ(decide("C3").verdict, Verdict::Inconclusive);
  record::TestResult marathon;
  marathon.id = "S1";
  marathon.metrics = {{"active_hours", {8.5, "h", 510, {}}},
                      {"unbroken_hours", {8.0, "h", 2, {}}},
                      {"segments", {2, "", 2, {}}},
                      {"server_deaths", {0, "", 2, {}}},
                      {"error_bursts", {0, "", 9000, {}}},
                      {"requests_failed", {1, "", 9000, {}}},
                      {"private_bytes_median", {4e9, "bytes", 450, {}}},
                      {"private_bytes_per_hour", {1e6, "bytes/h", 450, {{0.5e6, 2e6}}}},
                      {"decode_tok_s_trend_percent", {0.5, "%", 450, {{-1.0, 2.0}}}}};
  model_.tests.push_back(marathon);
  EXPECT_EQ(decide("C3").verdict, Verdict::Pass) << decide("C3").reason;
  EXPECT_EQ(decide("C3").measured, 8);
  EXPECT_EQ(decide("C3").evidence,
            "8 h 30 min under load in 2 unbroken segments, 0 deaths of the server, 1 failed requests");
  set_metric("S1", "unbroken_hours", {4.5, "h", 2, {}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Inconclusive) << "the server was started anew between the two";
  set_metric("S1", "unbroken_hours", {8.0, "h", 2, {}});
  set_metric("S1", "private_bytes_per_hour", {60e6, "bytes/h", 450, {{55e6, 65e6}}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Fail);
  set_metric("S1", "private_bytes_per_hour", {1e6, "bytes/h", 450, {{0.5e6, 2e6}}});
  set_metric("S1", "decode_tok_s_trend_percent", {-30, "%", 450, {{-31.0, -29.0}}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Fail);
  set_metric("S1", "others_cpu_cores_while_slow", {1.2, "cores", 225, {}});
  set_metric("S1", "others_cpu_cores_while_fast", {0.1, "cores", 225, {}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Invalid) << "other programs may be why";
  set_metric("S1", "error_bursts", {1, "", 9000, {}});
  EXPECT_EQ(decide("C3").reason, "1 error burst in the marathon");
  set_metric("S1", "server_deaths", {1, "", 2, {}});
  EXPECT_EQ(decide("C3").reason, "the server died 1 time");
}

TEST_F(Criteria, C3FailsOnAFailedRequest) {
  set_metric("2.1", "requests_failed", {2, "", 900, {}});
  EXPECT_EQ(decide("C3").verdict, Verdict::Fail);
}

TEST_F(Criteria, C5IsNotDecidedWithoutTheSlowestSession) {
  test_of(model_, "2.2").metrics.erase("session_tok_s_min_s3");
  EXPECT_EQ(decide("C5").verdict, Verdict::Skipped);
}

TEST_F(Criteria, C4NeedsTaskOutcomesToo) {
  EXPECT_EQ(decide("C4").verdict, Verdict::Inconclusive);
  test_of(model_, "6.1").verdict = Verdict::Fail;
  EXPECT_EQ(decide("C4").verdict, Verdict::Fail);
}

TEST_F(Criteria, C4IsDecidedByTheLowerOfBothLimits) {
  record::TestResult reasoning;
  reasoning.id = "6.2";
  reasoning.verdict = Verdict::Pass;
  reasoning.metrics = {{"task_outcomes_unflipped", {1.0, "", 96, {{0.962, 1.0}}}}};
  model_.tests.push_back(reasoning);
  EXPECT_EQ(decide("C4").verdict, Verdict::Pass);
  EXPECT_NEAR(decide("C4").measured.value(), 96.0, 1e-9);
  test_of(model_, "6.2").verdict = Verdict::Inconclusive;
  test_of(model_, "6.2").reason = "neither side solves anything";
  EXPECT_EQ(decide("C4").verdict, Verdict::Inconclusive);
  EXPECT_EQ(decide("C4").reason, "neither side solves anything");
  test_of(model_, "6.2").verdict = Verdict::Pass;
  set_metric("6.2", "task_outcomes_unflipped", {1.0, "", 40, {{0.912, 1.0}}});
  EXPECT_EQ(decide("C4").verdict, Verdict::Inconclusive);
  EXPECT_NE(decide("C4").reason.find("73 tasks"), std::string::npos) << decide("C4").reason;
  EXPECT_NEAR(decide("C4").measured.value(), 91.2, 1e-9);
  set_metric("6.2", "task_outcomes_unflipped", {0.80, "", 200, {{0.74, 0.85}}});
  EXPECT_EQ(decide("C4").verdict, Verdict::Fail) << "outcomes flip, even if as often one way as the other";
  set_metric("6.2", "task_outcomes_unflipped", {1.0, "", 96, {{0.962, 1.0}}});
  set_metric("6.1", "top1_agreement", {0.95, "", 100, {{0.89, 0.98}}});
  EXPECT_EQ(decide("C4").verdict, Verdict::Inconclusive);
  set_metric("6.2", "baseline_on_cpu", {1, "", 96, {}});
  EXPECT_EQ(decide("C4").verdict, Verdict::Inconclusive);
  test_of(model_, "6.2").verdict = Verdict::Fail;
  EXPECT_EQ(decide("C4").verdict, Verdict::Fail);
}

TEST_F(Criteria, C5FindsEachDegradation) {
  EXPECT_EQ(decide("C5").verdict, Verdict::Pass);
  set_metric("2.2", "session_tok_s_min_s3", {9, "tok/s", 3, {{8.5, 9.5}}});
  EXPECT_EQ(decide("C5").verdict, Verdict::Fail) << "below C1's limit";
  set_metric("2.2", "session_tok_s_min_s3", {11, "tok/s", 3, {{10.5, 11.5}}});
  set_metric("2.2", "speedup_s3", {0.8, "", 4, {{0.7, 0.9}}});
  EXPECT_EQ(decide("C5").verdict, Verdict::Fail) << "slower than one after another";
  set_metric("2.2", "speedup_s3", {1.5, "", 4, {{1.3, 1.7}}});
  set_metric("2.2", "cross_talk_texts", {1, "", 9, {}});
  EXPECT_EQ(decide("C5").verdict, Verdict::Fail);
}

TEST_F(Criteria, C5IsNotDecidedOnIntervalsThatHoldTheLimit) {
  set_metric("2.2", "session_tok_s_min_s3", {11, "tok/s", 3, {{9, 13}}});
  EXPECT_EQ(decide("C5").verdict, Verdict::Inconclusive);
  set_metric("2.2", "session_tok_s_min_s3", {11, "tok/s", 3, {{10.5, 11.5}}});
  set_metric("2.2", "speedup_s3", {1.1, "", 4, {{0.9, 1.3}}});
  EXPECT_EQ(decide("C5").verdict, Verdict::Inconclusive);
  set_metric("2.2", "speedup_s3", {1.5, "", 1, {}});
  EXPECT_EQ(decide("C5").verdict, Verdict::Inconclusive) << "one round has no interval";
}

TEST_F(Criteria, C6FindsABendAndAWrongSlope) {
  EXPECT_EQ(decide("C6").verdict, Verdict::Pass);
  set_metric("5.1", "kv_bytes_quadratic", {2.0, "bytes/token²", 5, {{1.5, 2.5}}});
  EXPECT_EQ(decide("C6").verdict, Verdict::Fail);
  set_metric("5.1", "kv_bytes_quadratic", {0.0, "bytes/token²", 5, {{-1, 1}}});
  set_metric("5.1", "kv_bytes_per_token", {56000, "bytes", 5, {}});
  EXPECT_EQ(decide("C6").verdict, Verdict::Fail);
  test_of(model_, "5.1").metrics.erase("kv_bytes_quadratic");
  EXPECT_EQ(decide("C6").verdict, Verdict::Inconclusive);
}

TEST_F(Criteria, C7TakesTheLeastCoveredLayer) {
  EXPECT_EQ(decide("C7").verdict, Verdict::Pass);
  set_metric("3.1", "expert_coverage", {0.70, "", 5000, {}});
  EXPECT_EQ(decide("C7").verdict, Verdict::Fail);
  test_of(model_, "3.1").verdict = Verdict::Invalid;
  EXPECT_EQ(decide("C7").verdict, Verdict::Invalid);
}

}  // namespace
}  // namespace moestress::protocol

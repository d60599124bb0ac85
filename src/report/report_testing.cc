#include "report/report_testing.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace moestress::report {
namespace {

using record::Verdict;

record::ModelResult alpha() {
  record::ModelResult model;
  model.id = "alpha-20b";
  model.path = "models/alpha-20b.gguf";
  model.architecture = "gpt-oss";
  model.layers = 24;
  model.experts = 32;
  model.experts_used = 4;
  model.placement = "cpu";
  record::TestResult load{"1.1", "load", Verdict::Pass, "ready in 6.2 s", {}, {}, {}, 7};
  load.metrics["ready_ms"] = {6200, "ms", 1, std::nullopt};
  record::TestResult sessions{
      "2.2", "concurrency", Verdict::Fail, "at 4 sessions a request ended as reset", {}, {}, {}, 402};
  sessions.metrics["aggregate_tok_s_s3"] = {33.5, "tok/s", 15, std::pair{31.25, 35.75}};
  sessions.findings.push_back({"error", "4 sessions: a request ended as reset: connection | closed"});
  sessions.tables.push_back(
      {"Speed by parallel sessions", {"sessions", "aggregate tok/s"}, {{1, 18.4}, {2, 26.9}}, {}, "line"});
  record::TestResult quality{"6.1", "consistency", Verdict::Skipped, "no GPU to hold it against", {}, {}, {},
                             0};
  model.tests = {load, sessions, quality};
  model.criteria = {{"C1", "sustained speed", "> 10 tok/s", 15.27, "tok/s", "slowest of 360 windows of 60 s",
                     Verdict::Pass, "slowest 60 s window 15.27 tok/s"},
                    {"C2", "GPU memory", "< 5 GB", 5.31e9, "bytes",
                     "process 5.31 GB, device minus idle 5.22 GB; 7,204 samples", Verdict::Fail,
                     "the process figure peaks at 5.31 GB during test 2.3, which is 0.31 GB more than the "
                     "criterion allows"},
                    {"C4", "consistency with GPU-only", "> 95 %", std::nullopt, "%", "", Verdict::Skipped,
                     "there is no GPU to hold the offloaded placement against"}};
  model.checks = {
      {"2.2/ttft_ms p(95) < 500", "2.2", 612.5, "ms", 90, Verdict::Fail, "measured 612.5 ms (n 90)"},
      {"requests_failed rate < 0.01", "", 0.0, "", 120, Verdict::Pass, "measured 0 (n 120)"}};
  model.tests[1].estimate_seconds = 380;
  model.recommendations = {{"--experts", "first:12", "half of the expert weights leave the host's path",
                            "peak device memory 3.12 GB"}};
  return model;
}

record::ModelResult beta() {
  record::ModelResult model = alpha();
  model.id = "beta-moe-with-a-long-name-16b";
  model.path = "models/beta.gguf";
  model.architecture = "deepseek";
  model.experts_shared = 2;
  model.tests = {{"6.2",
                  "reasoning",
                  Verdict::Inconclusive,
                  "38 of 40 tasks unflipped; over 95 % takes 73 samples",
                  {},
                  {},
                  {},
                  190},
                 {"5.2",
                  "profile",
                  Verdict::Invalid,
                  "the client lagged by 1.8 % of the median latency",
                  {},
                  {},
                  {},
                  12}};
  model.criteria[0].measured = 11.9;
  model.criteria[1] = {"C2",    "GPU memory",    "< 5 GB",      3.12e9,
                       "bytes", "7,204 samples", Verdict::Pass, "the largest figure is 3.12 GB"};
  model.criteria.push_back(
      {"C7", "experts used", "> 70 %", 100, "%", "by chance 100 %", Verdict::Inconclusive, "too few tokens"});
  model.recommendations.clear();
  model.checks.clear();
  return model;
}

}  // namespace

ReportInput small_input() {
  ReportInput input;
  input.run.id = "20260301-120000-standard";
  input.run.suite = "standard";
  input.run.scale = 0.05;
  input.run.seed = 18'446'744'073'709'551'557ULL;
  input.run.started = "2026-03-01T12:00:00Z";
  input.run.ended = "2026-03-01T14:03:20Z";
  input.run.version = "0.1.0";
  input.run.estimate_seconds = 7000;
  input.run.environment_json = R"({"kernel":"6.1.0"})";
  input.run.target_json = R"({"dialect":"llama-server"})";
  input.directory = "runs/20260301-120000-standard";
  input.report_path = input.directory + "/report.html";
  input.models = {alpha(), beta()};
  return input;
}

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(MOESTRESS_SOURCE_DIR) + "/tests/golden/report/" + name;
  if (std::getenv("MOESTRESS_UPDATE_GOLDEN")) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is missing; MOESTRESS_UPDATE_GOLDEN=1 writes it";
  const std::string golden(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, golden) << "differs from " << path
                          << "; if that is meant, MOESTRESS_UPDATE_GOLDEN=1 writes it anew";
}

}  // namespace moestress::report

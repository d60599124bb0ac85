#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moestress::record {

enum class Verdict : std::uint8_t {
  Pass,
  Fail,
  Inconclusive,  ///< too few samples, or nothing to hold them against
  Invalid,       ///< the measurement itself can't be trusted
  Skipped,       ///< not measured, for a stated reason
};

const char* to_string(Verdict verdict);  ///< "PASS", "FAIL", …
std::optional<Verdict> verdict_from(const std::string& name);

/// Of several verdicts the one that stands for all: FAIL over INVALID over INCONCLUSIVE over SKIPPED over
/// PASS, but SKIPPED only if nothing passed.
Verdict combine(const std::vector<Verdict>& verdicts);

/// A figure with what it rests on. The name of a metric is <quantity>_<unit>[_<statistic>].
struct Metric {
  double value = 0;
  std::string unit;                             ///< "ms", "bytes", "tok/s", "" for a pure number
  std::int64_t n = 0;                           ///< samples
  std::optional<std::pair<double, double>> ci;  ///< 95 % confidence interval
};
using Metrics = std::map<std::string, Metric>;

/// Something a reader should know that is not a figure, e.g. which session's text parted from its text alone.
struct Finding {
  std::string severity;  ///< "info", "warning" or "error"
  std::string text;
};

/// A curve or table for the report: column names and rows of numbers (NaN: absent).
struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<double>> rows;
  std::vector<std::string> row_labels;  ///< empty, or one for each row
  std::string kind = "table";           ///< "table", "line" (first column is x), "bars" or "heatmap"
};

/// One protocol test on one model.
struct TestResult {
  std::string id;  ///< "2.2"
  std::string name;
  Verdict verdict = Verdict::Skipped;
  std::string reason;  ///< one sentence, with the numbers it rests on
  Metrics metrics;
  std::vector<Finding> findings;
  std::vector<Table> tables;
  double seconds = 0;                                     ///< how long it took
  std::optional<double> estimate_seconds = std::nullopt;  ///< how long it was thought to take, where it was
};

/// One success criterion on one model.
struct CriterionResult {
  std::string id;  ///< "C1"
  std::string name;
  std::string threshold;           ///< as people read it: "> 10 tok/s"
  std::optional<double> measured;  ///< absent where nothing was
  std::string unit;
  std::string evidence;  ///< how `measured` reads with its interval and n
  Verdict verdict = Verdict::Skipped;
  std::string reason;
};

/// One of the plan's checks on one model.
struct CheckResult {
  std::string expression;          ///< as the plan has it: "2.2/ttft_ms p(95) < 500"
  std::string test;                ///< whose figure decided; empty: all tests together, or none
  std::optional<double> measured;  ///< absent where nothing was
  std::string unit;
  std::int64_t n = 0;  ///< samples that `measured` rests on
  Verdict verdict = Verdict::Skipped;
  std::string reason;
};

struct Recommendation {
  std::string setting;
  std::string change;
  std::string expected;
  std::string evidence;
};

struct ModelResult {
  std::string id;  ///< file name without ending, unique in a run
  std::string path;
  std::string architecture;
  int layers = 0;
  int experts = 0;
  int experts_used = 0;
  int experts_shared = 0;
  std::string placement;  ///< what was asked for: "cpu"
  std::vector<TestResult> tests;
  std::vector<CriterionResult> criteria;
  std::vector<Recommendation> recommendations;
  std::vector<CheckResult> checks = {};
};

/// One verdict for a model: `combine` over its tests, criteria and checks.
Verdict verdict_of(const ModelResult& model);
/// The same over several.
Verdict verdict_of(const std::vector<ModelResult>& models);

}  // namespace moestress::record

#pragma once

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "record/result.h"
#include "stats/interval.h"

namespace moestress::protocol {

/// Puts a TestResult together: figures as they come (those that are none are left out), one verdict at the
/// end. A verdict once FAIL or INVALID is not taken back by a later one, and the first reason stays.
class ResultBuilder {
 public:
  void metric(const std::string& name, double value, const std::string& unit, std::int64_t n,
              const std::optional<stats::Interval>& interval = std::nullopt) {
    if (!std::isfinite(value)) return;
    record::Metric metric{value, unit, n, std::nullopt};
    if (interval && interval->bounded()) metric.ci = {interval->lo, interval->hi};
    result_.metrics[name] = metric;
  }
  void metrics(const record::Metrics& more) { result_.metrics.insert(more.begin(), more.end()); }
  void finding(const std::string& severity, std::string text) {
    result_.findings.push_back({severity, std::move(text)});
  }
  void table(record::Table table) { result_.tables.push_back(std::move(table)); }

  /// Keeps the graver of the verdicts given, with its reason.
  void judge(record::Verdict verdict, std::string reason) {
    if (judged_ && record::combine({verdict, result_.verdict}) == result_.verdict) return;
    judged_ = true;
    result_.verdict = verdict;
    result_.reason = std::move(reason);
  }

  /// A part of the test, e.g. "the trend of the speed", that there was too little for to decide. A PASS then
  /// names it in its reason: what passed is the rest.
  void undecided(const std::string& what, const std::string& why) {
    finding("info", fmt::format("{} is not decided: {}", what, why));
    undecided_ += (undecided_.empty() ? "" : ", ") + what;
  }

  record::TestResult take() {
    if (result_.verdict == record::Verdict::Pass && !undecided_.empty())
      result_.reason += "; not decided: " + undecided_;
    return std::move(result_);
  }

 private:
  record::TestResult result_;
  std::string undecided_;
  bool judged_ = false;
};

}  // namespace moestress::protocol

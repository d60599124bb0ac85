#include "report/openmetrics.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace moestress::report {
namespace {

std::string metric_name(std::string_view name) {
  std::string out = "moestress_";
  for (const char c : name) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    out += allowed ? c : '_';
  }
  return out;
}

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : base::replace_invalid_utf8(text)) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

/// Families by name, so that the lines of one stand together as the format demands.
class Families {
 public:
  void add(const std::string& family, const char* type, const std::string& labels, double value) {
    if (!std::isfinite(value)) return;
    Family& f = families_[family];
    f.type = type;
    f.lines.push_back(fmt::format("{}{{{}}} {}\n", family, labels, value));
  }

  std::string text() const {
    std::string out;
    for (const auto& [name, family] : families_) {
      out += fmt::format("# TYPE {} {}\n", name, family.type);
      for (const std::string& line : family.lines) out += line;
    }
    return out + "# EOF\n";
  }

 private:
  struct Family {
    const char* type = "gauge";
    std::vector<std::string> lines;
  };
  std::map<std::string, Family> families_;
};

void add_verdict(Families& families, const std::string& family, const std::string& labels,
                 record::Verdict verdict) {
  using enum record::Verdict;
  for (const record::Verdict state : {Pass, Fail, Inconclusive, Invalid, Skipped})
    families.add(family, "stateset",
                 fmt::format("{}{}{}=\"{}\"", labels, labels.empty() ? "" : ",", family, to_string(state)),
                 state == verdict ? 1 : 0);
}

}  // namespace

std::string openmetrics_text(const ReportInput& input) {
  Families families;
  const std::string run = fmt::format("run=\"{}\"", label_value(input.run.id));
  add_verdict(families, "moestress_run_verdict", run, overall_verdict(input));
  families.add("moestress_run_ended", "gauge", run, input.run.ended.empty() ? 0 : 1);
  for (const record::ModelResult& model : input.models) {
    const std::string of_model = fmt::format("{},model=\"{}\"", run, label_value(model.id));
    for (const record::TestResult& test : model.tests) {
      const std::string labels = fmt::format("{},test=\"{}\"", of_model, label_value(test.id));
      add_verdict(families, "moestress_test_verdict", labels, test.verdict);
      for (const auto& [name, metric] : test.metrics) {
        const std::string family = metric_name(name);
        families.add(family, "gauge", labels, metric.value);
        families.add(family + "_samples", "gauge", labels, static_cast<double>(metric.n));
        if (!metric.ci) continue;
        families.add(family + "_ci_low", "gauge", labels, metric.ci->first);
        families.add(family + "_ci_high", "gauge", labels, metric.ci->second);
      }
    }
    for (const record::CheckResult& check : model.checks) {
      const std::string labels = fmt::format("{},check=\"{}\"", of_model, label_value(check.expression));
      add_verdict(families, "moestress_check_verdict", labels, check.verdict);
      if (check.measured)
        families.add("moestress_check_measured", "gauge",
                     fmt::format("{},unit=\"{}\"", labels, label_value(check.unit)), *check.measured);
    }
    for (const record::CriterionResult& criterion : model.criteria) {
      const std::string labels = fmt::format("{},criterion=\"{}\"", of_model, label_value(criterion.id));
      add_verdict(families, "moestress_criterion_verdict", labels, criterion.verdict);
      if (criterion.measured)
        families.add("moestress_criterion_measured", "gauge",
                     fmt::format("{},unit=\"{}\"", labels, label_value(criterion.unit)), *criterion.measured);
    }
  }
  return families.text();
}

}  // namespace moestress::report

#include "report/verdict_sentence.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/plain_text.h"
#include "report/report_input.h"

namespace moestress::report {
namespace {

std::string joined(std::string list, const std::string& item) {
  return list.empty() ? item : std::move(list) + ", " + item;
}

/// The criteria with this verdict, each with its numbers, then the tests by id and the checks.
std::string who(const record::ModelResult& model, record::Verdict verdict) {
  std::string criteria;
  for (const record::CriterionResult& c : model.criteria)
    if (c.verdict == verdict)
      criteria =
          joined(std::move(criteria), c.measured ? fmt::format("{} {} ({}, asked for: {})", c.id, c.name,
                                                               human_figure(c.measured, c.unit), c.threshold)
                                                 : fmt::format("{} {} (nothing measured)", c.id, c.name));
  std::string tests;
  for (const record::TestResult& t : model.tests)
    if (t.verdict == verdict) tests = joined(std::move(tests), t.id);
  std::string checks;
  for (const record::CheckResult& c : model.checks)
    if (c.verdict == verdict)
      checks =
          joined(std::move(checks), fmt::format("{} ({})", c.expression, human_figure(c.measured, c.unit)));
  std::string text = std::move(criteria);
  const auto add = [&text](const char* what, const std::string& list) {
    if (!list.empty()) text += fmt::format("{}{} {}", text.empty() ? "" : "; ", what, list);
  };
  add("tests", tests);
  add("checks", checks);
  return text;
}

}  // namespace

std::string verdict_sentence(const record::ModelResult& model) {
  switch (record::verdict_of(model)) {
    case record::Verdict::Fail:
      return "Not ready. Failed: " + who(model, record::Verdict::Fail) + ".";
    case record::Verdict::Invalid:
      return "No answer: the measurement can't be trusted. Invalid: " + who(model, record::Verdict::Invalid) +
             ".";
    case record::Verdict::Inconclusive:
      return "Not shown either way. Undecided: " + who(model, record::Verdict::Inconclusive) + ".";
    case record::Verdict::Skipped:
      return "Nothing was measured that a verdict could rest on.";
    case record::Verdict::Pass:
      break;
  }
  const auto passed = [](const auto& results) {
    return std::count_if(results.begin(), results.end(),
                         [](const auto& r) { return r.verdict == record::Verdict::Pass; });
  };
  const auto criteria = passed(model.criteria), tests = passed(model.tests), checks = passed(model.checks);
  const auto skipped =
      static_cast<std::ptrdiff_t>(model.criteria.size() + model.tests.size() + model.checks.size()) -
      criteria - tests - checks;
  std::string text =
      checks > 0
          ? fmt::format("Nothing failed: {} criteria, {} tests and {} checks passed", criteria, tests, checks)
          : fmt::format("Nothing failed: {} criteria and {} tests passed", criteria, tests);
  if (skipped > 0) text += fmt::format(", {} not measured", skipped);
  return text + ".";
}

}  // namespace moestress::report

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

/// The criteria with this verdict, each with its numbers, then the tests by id.
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
  if (criteria.empty()) return "tests " + tests;
  return tests.empty() ? criteria : criteria + "; tests " + tests;
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
      return "Not shown either way. Too few samples: " + who(model, record::Verdict::Inconclusive) + ".";
    case record::Verdict::Skipped:
      return "Nothing was measured that a verdict could rest on.";
    case record::Verdict::Pass:
      break;
  }
  const auto passed = [](const auto& results) {
    return std::count_if(results.begin(), results.end(),
                         [](const auto& r) { return r.verdict == record::Verdict::Pass; });
  };
  const auto criteria = passed(model.criteria), tests = passed(model.tests);
  const auto skipped =
      static_cast<std::ptrdiff_t>(model.criteria.size() + model.tests.size()) - criteria - tests;
  std::string text = fmt::format("Nothing failed: {} criteria and {} tests passed", criteria, tests);
  if (skipped > 0) text += fmt::format(", {} not measured", skipped);
  return text + ".";
}

}  // namespace moestress::report

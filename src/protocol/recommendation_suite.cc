#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/recommendations.h"

namespace moestress::protocol {
namespace {

/// IDs of what more samples may decide: C3 and S1 take hours; C4, and 6.1 and 6.2 of one file, take a GPU
/// where a CPU played it.
std::vector<std::string> undecided(const Evidence& evidence) {
  const CriterionInput& input = evidence.measured;
  const auto played_by_cpu = [&](const char* test) {
    const auto cpu = input.metric(test, "baseline_on_cpu");
    return cpu && cpu->value > 0;
  };
  const bool no_gpu = played_by_cpu("6.1") || played_by_cpu("6.2");
  const auto takes_gpu = [&](const std::string& id) {
    const bool a_test = (id == "6.1" || id == "6.2") && evidence.target.baseline_model.empty();
    return no_gpu && (id == "C4" || a_test);
  };
  std::vector<std::string> ids;
  for (const auto& criterion : input.model.criteria)
    if (criterion.verdict == record::Verdict::Inconclusive && criterion.id != "C3" &&
        !takes_gpu(criterion.id))
      ids.push_back(criterion.id);
  for (const auto& test : input.model.tests)
    if (test.verdict == record::Verdict::Inconclusive && test.id != "S1" && !takes_gpu(test.id))
      ids.push_back(test.id);
  return ids;
}

/// What is larger than the plan's suite; empty: nothing, or the plan is the user's own.
std::string larger_suite(const Evidence& evidence) {
  if (evidence.suite != "smoke" && evidence.suite != "standard" && evidence.suite != "full") return {};
  if (evidence.scale < 1) return evidence.suite;
  if (evidence.suite == "smoke") return "standard";
  return evidence.suite == "standard" ? "full" : "";
}

}  // namespace

std::optional<record::Recommendation> recommend_suite(const Evidence& evidence) {
  const std::string larger = larger_suite(evidence);
  const auto ids = undecided(evidence);
  if (larger.empty() || ids.empty()) return std::nullopt;
  const std::string from =
      evidence.scale == 1 ? evidence.suite : fmt::format("{} at scale {:g}", evidence.suite, evidence.scale);
  return record::Recommendation{
      "suite", fmt::format("{} (from {})", larger, from),
      fmt::format("more samples for {}{}", fmt::join(ids, ", "),
                  larger == "full" ? "" : "; C3 takes the hours of full"),
      fmt::format("{} of {} verdicts are INCONCLUSIVE at these sizes; each says whether more samples are "
                  "what it takes",
                  ids.size(),
                  evidence.measured.model.criteria.size() + evidence.measured.model.tests.size())};
}

}  // namespace moestress::protocol

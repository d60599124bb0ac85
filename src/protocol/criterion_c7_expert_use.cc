// C7: more than 70 % of experts used over diverse prompts, in every layer; beside it what coverage alone
// hides.
#include <fmt/format.h>

#include "protocol/criteria.h"

namespace moestress::protocol {

using record::Verdict;

record::CriterionResult criterion_c7_expert_use(const CriterionInput& input) {
  const double limit = input.thresholds.c7_coverage_min;
  record::CriterionResult result{"C7", "experts used", fmt::format("> {:g} %", 100 * limit), {}, "%", {}, {},
                                 {}};
  const auto coverage = input.metric("3.1", "expert_coverage");
  if (!coverage) {
    const auto* test = input.test("3.1");
    result.verdict = Verdict::Skipped;
    result.reason = test == nullptr ? "test 3.1 was not run" : test->reason;
    return result;
  }
  const auto value = [&](const char* name) {
    const auto metric = input.metric("3.1", name);
    return metric ? metric->value : 0.0;
  };
  result.measured = 100 * coverage->value;
  result.evidence = fmt::format(
      "least covered layer, {} tokens; uniform routing {:.0f} % (70 % after {:.0f} tokens); effective "
      "experts {:.0f} %; least used "
      "{:.2f} of an even share",
      coverage->n, 100 * value("expert_coverage_by_chance"), value("expert_chance_tokens_to_threshold"),
      100 * value("expert_effective_share"), value("expert_least_used_of_uniform"));
  if (const auto* test = input.test("3.1"); test->verdict == Verdict::Invalid) {
    result.verdict = Verdict::Invalid;
    result.reason = test->reason;
    return result;
  }
  result.verdict = coverage->value > limit ? Verdict::Pass : Verdict::Fail;
  result.reason = fmt::format("every layer uses at least {:.0f} % of its experts", 100 * coverage->value);
  return result;
}

}  // namespace moestress::protocol

// C4: more than 95 % consistent with GPU-only: lower Wilson limits of top-1 agreement, per prompt, and of
// unflipped task outcomes; both.
#include <fmt/format.h>

#include "protocol/criteria.h"

namespace moestress::protocol {

using record::Verdict;

record::CriterionResult criterion_c4_consistency(const CriterionInput& input) {
  const double limit = input.thresholds.c4_agreement_min;
  record::CriterionResult result{
      "C4", "consistency with GPU-only", fmt::format("> {:g} %", 100 * limit), {}, "%", {}, {}, {}};
  const auto* test = input.test("6.1");
  const auto agreement = input.metric("6.1", "top1_agreement");
  if (!agreement || !agreement->ci) {
    result.verdict = Verdict::Skipped;
    result.reason = test == nullptr ? "test 6.1 was not run" : test->reason;
    return result;
  }
  result.measured = 100 * agreement->ci->first;
  result.evidence = fmt::format("lower limit of a top-1 agreement of {:.2f} %, {} prompts",
                                100 * agreement->value, agreement->n);
  if (test->verdict != Verdict::Pass) {
    result.verdict = test->verdict;
    result.reason = test->reason;
    return result;
  }
  result.verdict = Verdict::Inconclusive;
  if (const auto cpu = input.metric("6.1", "baseline_on_cpu"); cpu && cpu->value > 0) {
    result.reason = fmt::format(
        "the CPU agrees with itself in another rounding (lower limit {:.1f} %); there was no real GPU to "
        "play GPU-only",
        *result.measured);
    return result;
  }
  result.reason = fmt::format(
      "top-1 agreement is over the limit (lower limit {:.1f} %), but task outcomes were not compared{}",
      *result.measured, input.random_weights ? ": the model's weights are random, it solves no task" : "");
  return result;
}

}  // namespace moestress::protocol

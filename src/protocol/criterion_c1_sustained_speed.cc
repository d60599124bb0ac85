// C1: more than 10 tokens/s sustained: the slowest 60 s window of decode speed in one session.
#include <fmt/format.h>

#include "protocol/criteria.h"

namespace moestress::protocol {

using record::Verdict;

record::CriterionResult criterion_c1_sustained_speed(const CriterionInput& input) {
  const double limit = input.thresholds.c1_tokens_per_s_min;
  record::CriterionResult result{
      "C1", "sustained speed", fmt::format("> {:g} tok/s", limit), {}, "tok/s", {}, {}, {}};
  const auto slowest = input.metric("2.1", "decode_tok_s_min");
  const auto mean = input.metric("2.1", "decode_tok_s_mean");
  if (slowest) {
    result.measured = slowest->value;
    result.evidence = fmt::format("slowest of {} windows of 60 s", slowest->n);
  } else if (mean) {
    result.measured = mean->value;
    result.evidence = fmt::format("mean of {} replies; no window of 60 s", mean->n);
  }
  const auto* test = input.test("2.1");
  if (!result.measured) {
    result.verdict = Verdict::Skipped;
    result.reason = "no decode speed was measured in one session (test 2.1)";
  } else if (test->verdict == Verdict::Invalid) {
    result.verdict = test->verdict;
    result.reason = test->reason;
  } else if (input.speed_of_stand_in) {
    result.verdict = Verdict::Skipped;
    result.reason = fmt::format(
        "{:.1f} tok/s on a software Vulkan device, a stand-in whose speed means nothing; use a GPU, or "
        "--device cpu for the CPU's own speed",
        *result.measured);
  } else if (!slowest) {
    result.verdict = Verdict::Inconclusive;
    result.reason =
        "generation was shorter than one window of 60 s; use the standard suite or a larger --scale";
  } else {
    result.verdict = slowest->value > limit ? Verdict::Pass : Verdict::Fail;
    result.reason = fmt::format("slowest 60 s window {:.2f} tok/s", slowest->value);
  }
  return result;
}

}  // namespace moestress::protocol

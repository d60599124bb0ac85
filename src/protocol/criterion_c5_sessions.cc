// C5: three and more sessions without degradation: no error, no cross-talk, aggregate speed not below one
// session's, and every session over C1's limit.
#include <fmt/format.h>

#include "protocol/criteria.h"

namespace moestress::protocol {

using record::Verdict;

record::CriterionResult criterion_c5_sessions(const CriterionInput& input) {
  const int sessions = input.thresholds.c5_sessions_min;
  record::CriterionResult result{
      "C5", "parallel sessions", fmt::format("{} sessions", sessions), {}, "tok/s", {}, {}, {}};
  const std::string suffix = fmt::format("_s{}", sessions);
  const auto* test = input.test("2.2");
  const auto together = input.metric("2.2", "aggregate_tok_s" + suffix);
  const auto slowest = input.metric("2.2", "session_tok_s_min" + suffix);
  const auto alone = input.metric("2.2", "aggregate_tok_s_s1");
  const auto failed = input.metric("2.2", "requests_failed" + suffix);
  const auto cross_talk = input.metric("2.2", "cross_talk_texts");
  if (!together || !slowest || !alone || !failed || !cross_talk) {
    result.verdict = Verdict::Skipped;
    result.reason = test == nullptr ? "test 2.2 was not run"
                                    : fmt::format("test 2.2 did not run {} sessions beside one: {}", sessions,
                                                  test->reason);
    return result;
  }
  result.measured = together->value;
  result.evidence = fmt::format("{:.1f} tok/s together, one session {:.1f}, slowest of {} {:.1f}",
                                together->value, alone->value, sessions, slowest->value);
  if (failed->value > 0 || cross_talk->value > 0) {
    result.verdict = Verdict::Fail;
    result.reason =
        fmt::format("{:.0f} failed requests, {:.0f} texts with cross-talk", failed->value, cross_talk->value);
  } else if (test->verdict == Verdict::Invalid || test->verdict == Verdict::Inconclusive) {
    result.verdict = test->verdict;
    result.reason = test->reason;
  } else if (input.speed_of_stand_in) {
    result.verdict = Verdict::Skipped;
    result.reason =
        "no error and no cross-talk, but speed on a software Vulkan device means nothing; use a GPU or "
        "--device cpu";
  } else if (together->value < alone->value) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("{} sessions together are slower than one", sessions);
  } else if (slowest->value <= input.thresholds.c1_tokens_per_s_min) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("the slowest session decodes {:.1f} tok/s, not more than {:g}",
                                slowest->value, input.thresholds.c1_tokens_per_s_min);
  } else {
    result.verdict = Verdict::Pass;
    result.reason = "no error, no cross-talk, no session slowed below the limit";
  }
  return result;
}

}  // namespace moestress::protocol

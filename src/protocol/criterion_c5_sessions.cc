// C5: three and more sessions without degradation: no error, no cross-talk, side by side not slower than one
// after another, and every session over C1's limit. Rounds of one reply a session are the samples.
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
  const auto slowest = input.metric("2.2", "session_tok_s_min" + suffix);
  const auto together = input.metric("2.2", "aggregate_tok_s" + suffix);
  const auto speedup = input.metric("2.2", "speedup" + suffix);
  const auto failed = input.metric("2.2", "requests_failed" + suffix);
  const auto cross_talk = input.metric("2.2", "cross_talk_texts");
  if (failed && cross_talk && (failed->value > 0 || cross_talk->value > 0)) {
    result.verdict = Verdict::Fail;
    result.reason =
        fmt::format("{:.0f} failed requests, {:.0f} texts with cross-talk", failed->value, cross_talk->value);
    return result;
  }
  if (!together || !slowest || !speedup || !failed || !cross_talk) {
    result.verdict = Verdict::Skipped;
    result.reason = test == nullptr ? "test 2.2 was not run"
                                    : fmt::format("test 2.2 did not run {} sessions beside one: {}", sessions,
                                                  test->reason);
    return result;
  }
  const double limit = input.thresholds.c1_tokens_per_s_min;
  result.measured = together->value;
  result.evidence = fmt::format(
      "{:.1f} tok/s together, {:.2f} times as fast as one after another ({} rounds), "
      "the slowest of {} decodes {:.1f} tok/s",
      together->value, speedup->value, speedup->n, sessions, slowest->value);
  if (test->verdict == Verdict::Invalid || test->verdict == Verdict::Inconclusive) {
    result.verdict = test->verdict;
    result.reason = test->reason;
  } else if (input.speed_of_stand_in) {
    result.verdict = Verdict::Skipped;
    result.reason =
        "no error and no cross-talk, but speed on a software Vulkan device means nothing; use a GPU or "
        "--device cpu";
  } else if (!speedup->ci || !slowest->ci) {
    result.verdict = Verdict::Inconclusive;
    result.reason =
        fmt::format("{}; too few rounds for an interval: raise tests.concurrency_rounds", result.evidence);
  } else if (speedup->ci->second < 1) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format(
        "{} sessions at once take longer than one after another: {:.2f} times as fast "
        "(95 % interval {:.2f} to {:.2f})",
        sessions, speedup->value, speedup->ci->first, speedup->ci->second);
  } else if (slowest->ci->second <= limit) {
    result.verdict = Verdict::Fail;
    result.reason =
        fmt::format("the slowest session decodes {:.1f} tok/s (at most {:.1f}), not more than {:g}",
                    slowest->value, slowest->ci->second, limit);
  } else if (speedup->ci->first < 1 || slowest->ci->first <= limit) {
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format(
        "{:.2f} times as fast as one after another (95 % interval {:.2f} to {:.2f}), the slowest session "
        "{:.1f} tok/s ({:.1f} to {:.1f}): more rounds would tell; raise tests.concurrency_rounds",
        speedup->value, speedup->ci->first, speedup->ci->second, slowest->value, slowest->ci->first,
        slowest->ci->second);
  } else {
    result.verdict = Verdict::Pass;
    result.reason = "no error, no cross-talk, no session slowed below the limit";
  }
  return result;
}

}  // namespace moestress::protocol

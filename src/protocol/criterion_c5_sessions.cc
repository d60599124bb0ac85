// C5: three and more sessions without degradation: no error, no cross-talk, decoding together not slower than
// one session alone, and every session over C1's limit. Replies are the samples of the speeds.
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
  const auto beside = input.metric("2.2", "reply_tok_s" + suffix);
  const auto alone = input.metric("2.2", "reply_tok_s_alone");
  const auto decode = input.metric("2.2", "reply_decode_tok_s" + suffix);
  const auto failed = input.metric("2.2", "requests_failed" + suffix);
  const auto cross_talk = input.metric("2.2", "cross_talk_texts");
  if (!beside || !slowest || !alone || !decode || !failed || !cross_talk) {
    result.verdict = Verdict::Skipped;
    result.reason = test == nullptr ? "test 2.2 was not run"
                                    : fmt::format("test 2.2 did not run {} sessions beside one: {}", sessions,
                                                  test->reason);
    return result;
  }
  const double limit = input.thresholds.c1_tokens_per_s_min;
  result.measured = sessions * beside->value;
  result.evidence = fmt::format(
      "{:.1f} tok/s together ({} replies), one session {:.1f} ({} replies); decoding {:.1f} tok/s in each, "
      "the "
      "slowest of {} {:.1f}",
      *result.measured, beside->n, alone->value, alone->n, decode->value, sessions, slowest->value);
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
  } else if (!beside->ci || !alone->ci || !decode->ci) {
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format(
        "{} replies beside others and {} alone are too few for an interval of their "
        "speed: raise tests.concurrency_rounds",
        beside->n, alone->n);
  } else if (sessions * beside->ci->second < alone->ci->first) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("{} sessions together make {:.1f} tok/s at most, one alone {:.1f} at least",
                                sessions, sessions * beside->ci->second, alone->ci->first);
  } else if (decode->ci->second <= limit) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("a session decodes {:.1f} tok/s (at most {:.1f}), not more than {:g}",
                                decode->value, decode->ci->second, limit);
  } else if (sessions * beside->ci->first < alone->ci->second) {
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format(
        "{:.1f} tok/s together (95 % interval {:.1f} to {:.1f}), {:.1f} alone ({:.1f} to {:.1f}): more "
        "replies "
        "would tell; raise tests.concurrency_rounds",
        *result.measured, sessions * beside->ci->first, sessions * beside->ci->second, alone->value,
        alone->ci->first, alone->ci->second);
  } else if (decode->ci->first <= limit || slowest->value <= limit) {
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format(
        "a session decodes {:.1f} tok/s (95 % interval {:.1f} to {:.1f}), the slowest {:.1f}, and {:g} is "
        "asked "
        "for: more replies would tell; raise tests.concurrency_rounds",
        decode->value, decode->ci->first, decode->ci->second, slowest->value, limit);
  } else {
    result.verdict = Verdict::Pass;
    result.reason = "no error, no cross-talk, no session slowed below the limit";
  }
  return result;
}

}  // namespace moestress::protocol

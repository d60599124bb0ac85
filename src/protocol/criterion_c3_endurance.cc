// C3: 8 hours and more: no crash or restart, memory slope under 1 %/h and 50 MB/h, speed within ±5 %.
#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "protocol/criteria.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

struct Judgement {
  Verdict verdict = Verdict::Pass;
  std::string reason;
};

/// The upper limit of the memory slope must be under both limits.
Judgement judge_memory(const CriterionInput& input) {
  const auto slope = input.metric("2.1", "private_bytes_per_hour");
  const auto held = input.metric("5.1", "private_bytes_peak");
  if (!slope || !slope->ci)
    return {Verdict::Skipped, "the slope of its memory could not be measured (test 2.1)"};
  const auto [low, high] = *slope->ci;
  std::string over;
  if (high >= input.thresholds.c3_slope_bytes_per_h_max)
    over = base::human_bytes(high) + "/h";
  else if (held && held->value > 0 && 100 * high / held->value >= input.thresholds.c3_slope_percent_per_h_max)
    over = fmt::format("{:.1f} %/h", 100 * high / held->value);
  if (over.empty()) return {};
  if (low > 0) return {Verdict::Fail, "private memory grows by up to " + over};
  return {Verdict::Inconclusive, fmt::format("growth of private memory by up to {} is not ruled out", over)};
}

/// The whole interval of the speed trend must lie within the limit.
Judgement judge_speed(const CriterionInput& input) {
  const auto trend = input.metric("2.1", "decode_tok_s_trend_percent");
  if (!trend || !trend->ci)
    return {Verdict::Skipped, "the trend of its speed could not be measured (test 2.1)"};
  const double limit = input.thresholds.c3_speed_trend_percent_max;
  const auto [low, high] = *trend->ci;
  if (low > limit || high < -limit)
    return {Verdict::Fail, fmt::format("decode speed changes by {:+.1f} % over the run", trend->value)};
  if (low < -limit || high > limit)
    return {Verdict::Inconclusive,
            fmt::format("the trend of decode speed is known to {:+.1f} to {:+.1f} % only", low, high)};
  return {};
}

}  // namespace

record::CriterionResult criterion_c3_endurance(const CriterionInput& input) {
  record::CriterionResult result{
      "C3", "endurance", fmt::format(">= {:g} h", input.thresholds.c3_hours_min), input.hours, "h", {},
      {},   {}};
  if (input.hours < 1) {
    result.measured = 60 * input.hours;
    result.unit = "min";
  }
  result.evidence = fmt::format("one process up for {}, {} deaths of the server",
                                base::human_seconds(input.hours * 3600), input.deaths);
  if (input.deaths > 0) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("the server died {} time{}", input.deaths, input.deaths == 1 ? "" : "s");
    return result;
  }
  if (const auto failed = input.metric("2.1", "requests_failed"); failed && failed->value > 0) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("{:.0f} requests failed in test 2.1", failed->value);
    return result;
  }
  if (input.hours < input.thresholds.c3_hours_min) {
    // A short run can't show endurance; its slopes are too noisy to show its absence either.
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format("ran for {}; {:g} h need the full suite",
                                base::human_seconds(input.hours * 3600), input.thresholds.c3_hours_min);
    return result;
  }
  for (const Judgement& judgement : {judge_memory(input), judge_speed(input)}) {
    const bool graver = record::combine({result.verdict, judgement.verdict}) != result.verdict;
    if (judgement.verdict == Verdict::Pass || (!result.reason.empty() && !graver)) continue;
    result.verdict = judgement.verdict;
    result.reason = judgement.reason;
  }
  if (result.reason.empty()) {
    result.verdict = Verdict::Pass;
    result.reason = "no crash, no failed request, memory and speed level";
  }
  return result;
}

}  // namespace moestress::protocol

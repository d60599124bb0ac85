// C3: 8 hours and more: no crash or restart, memory slope under 1 %/h and 50 MB/h, speed within ±5 %.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "protocol/criteria.h"
#include "protocol/marathon_verdict.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

struct Judgement {
  Verdict verdict = Verdict::Pass;
  std::string reason;
};

/// The marathon where it was run, else the long-form test.
std::string source_of(const CriterionInput& input) {
  return input.metric("S1", "active_hours") ? "S1" : "2.1";
}

/// Of running under load without a break, since a server that is started again has not endured.
double hours_of(const CriterionInput& input) {
  const auto unbroken = input.metric("S1", "unbroken_hours");
  return unbroken ? unbroken->value : input.hours;
}

int deaths_of(const CriterionInput& input) {
  const auto deaths = input.metric("S1", "server_deaths");
  return std::max(input.deaths, deaths ? static_cast<int>(deaths->value) : 0);
}

/// The upper limit of the memory slope must be under both limits; it fails where the lower one is not.
Judgement judge_memory(const CriterionInput& input) {
  const std::string source = source_of(input);
  const auto slope = input.metric(source, "private_bytes_per_hour");
  const auto held =
      source == "S1" ? input.metric("S1", "private_bytes_median") : input.metric("5.1", "private_bytes_peak");
  if (!slope || !slope->ci)
    return {Verdict::Skipped, fmt::format("the slope of its memory could not be measured (test {})", source)};
  const auto [low, high] = *slope->ci;
  double limit = input.thresholds.c3_slope_bytes_per_h_max;
  if (held && held->value > 0)
    limit = std::min(limit, input.thresholds.c3_slope_percent_per_h_max / 100 * held->value);
  if (high < limit) return {};
  const std::string figures =
      fmt::format("{}/h ({} to {}/h), {}/h may be", base::human_bytes(slope->value), base::human_bytes(low),
                  base::human_bytes(high), base::human_bytes(limit));
  if (low >= limit) return {Verdict::Fail, "private memory grows by " + figures};
  return {Verdict::Inconclusive, "growth of private memory is not known well enough: " + figures};
}

/// The whole interval of the speed trend must lie within the limit.
Judgement judge_speed(const CriterionInput& input) {
  const std::string source = source_of(input);
  const auto trend = input.metric(source, "decode_tok_s_trend_percent");
  if (!trend || !trend->ci)
    return {Verdict::Skipped, fmt::format("the trend of its speed could not be measured (test {})", source)};
  const double limit = input.thresholds.c3_speed_trend_percent_max;
  const auto [low, high] = *trend->ci;
  const auto slow = input.metric(source, "others_cpu_cores_while_slow");
  const auto fast = input.metric(source, "others_cpu_cores_while_fast");
  if ((low > limit || high < -limit) && slow && fast && slow->value - fast->value > others_cores_max())
    return {Verdict::Invalid,
            fmt::format("decode speed changes by {:+.1f} % over the run, but other programs had {:.1f} cores "
                        "more while it was slow: run it with nothing else on the machine",
                        trend->value, slow->value - fast->value)};
  if (low > limit || high < -limit)
    return {Verdict::Fail, fmt::format("decode speed changes by {:+.1f} % over the run", trend->value)};
  if (low < -limit || high > limit)
    return {Verdict::Inconclusive,
            fmt::format("the trend of decode speed is known to {:+.1f} to {:+.1f} % only", low, high)};
  return {};
}

/// Crashes, and failed requests: none in the long-form test, no burst of them in the marathon.
std::optional<std::string> failure_of_server(const CriterionInput& input) {
  if (const int deaths = deaths_of(input); deaths > 0)
    return fmt::format("the server died {} time{}", deaths, deaths == 1 ? "" : "s");
  if (source_of(input) == "S1") {
    const auto bursts = input.metric("S1", "error_bursts");
    if (bursts && bursts->value > 0)
      return fmt::format("{:.0f} error burst{} in the marathon", bursts->value,
                         bursts->value == 1 ? "" : "s");
    return std::nullopt;
  }
  const auto failed = input.metric("2.1", "requests_failed");
  if (failed && failed->value > 0) return fmt::format("{:.0f} requests failed in test 2.1", failed->value);
  return std::nullopt;
}

std::string evidence_of(const CriterionInput& input) {
  const std::string deaths = fmt::format("{} deaths of the server", deaths_of(input));
  const auto active = input.metric("S1", "active_hours");
  const auto segments = input.metric("S1", "segments");
  if (!active || !segments)
    return fmt::format("one process up for {}, {}", base::human_seconds(input.hours * 3600), deaths);
  const auto failed = input.metric("S1", "requests_failed");
  return fmt::format("{} under load in {:.0f} unbroken segment{}, {}, {:.0f} failed requests",
                     base::human_seconds(active->value * 3600), segments->value,
                     segments->value == 1 ? "" : "s", deaths, failed ? failed->value : 0);
}

}  // namespace

record::CriterionResult criterion_c3_endurance(const CriterionInput& input) {
  const double hours = hours_of(input);
  record::CriterionResult result{
      "C3", "endurance", fmt::format(">= {:g} h", input.thresholds.c3_hours_min), hours, "h", {}, {}, {}};
  if (hours < 1) {
    const bool seconds = hours < 1.0 / 60;
    result.measured = (seconds ? 3600 : 60) * hours;
    result.unit = seconds ? "s" : "min";
  }
  result.evidence = evidence_of(input);
  if (const auto failure = failure_of_server(input)) {
    result.verdict = Verdict::Fail;
    result.reason = *failure;
    return result;
  }
  if (hours < input.thresholds.c3_hours_min) {
    // A short run can't show endurance; its slopes are too noisy to show its absence either.
    result.verdict = Verdict::Inconclusive;
    const auto segments = input.metric("S1", "segments");
    const bool broken_off = segments && segments->value > 1;
    result.reason =
        fmt::format("ran for {} without a break; {}", base::human_seconds(hours * 3600),
                    broken_off ? "it was broken off, and takes S1 anew in one piece"
                               : fmt::format("{:g} h need the full suite", input.thresholds.c3_hours_min));
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
    result.reason = "no crash, no error burst, memory and speed level";
  }
  return result;
}

}  // namespace moestress::protocol

// C3: 8 hours and more: no crash or restart, memory slope under 1 %/h and 50 MB/h, speed within ±5 %.
#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "protocol/criteria.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

/// What the memory slope and the speed trend say; empty if nothing is against endurance.
std::string trend_fault(const CriterionInput& input) {
  const auto slope = input.metric("2.1", "private_bytes_per_hour");
  const auto held = input.metric("5.1", "private_bytes_peak");
  if (slope && slope->ci && slope->ci->first > 0) {
    const double growth = slope->ci->second;
    if (growth > input.thresholds.c3_slope_bytes_per_h_max)
      return fmt::format("private memory grows by up to {}/h", base::human_bytes(growth));
    if (held && held->value > 0 && 100 * growth / held->value > input.thresholds.c3_slope_percent_per_h_max)
      return fmt::format("private memory grows by up to {:.1f} %/h", 100 * growth / held->value);
  }
  const auto trend = input.metric("2.1", "decode_tok_s_trend_percent");
  const double limit = input.thresholds.c3_speed_trend_percent_max;
  if (trend && trend->ci && (trend->ci->first > limit || trend->ci->second < -limit))
    return fmt::format("decode speed changes by {:+.1f} % over the run", trend->value);
  return {};
}

}  // namespace

record::CriterionResult criterion_c3_endurance(const CriterionInput& input) {
  record::CriterionResult result{
      "C3", "endurance", fmt::format(">= {:g} h", input.thresholds.c3_hours_min), input.hours, "h", {},
      {},   {}};
  result.evidence = fmt::format("{} under test, {} deaths of the server",
                                base::human_seconds(input.hours * 3600), input.deaths);
  if (input.deaths > 0) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("the server died {} time{}", input.deaths, input.deaths == 1 ? "" : "s");
    return result;
  }
  if (input.hours < input.thresholds.c3_hours_min) {
    // A short run can't show endurance; its slopes are too noisy to show its absence either.
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format("ran for {}; {:g} h need the full suite",
                                base::human_seconds(input.hours * 3600), input.thresholds.c3_hours_min);
    return result;
  }
  const std::string fault = trend_fault(input);
  result.verdict = fault.empty() ? Verdict::Pass : Verdict::Fail;
  result.reason = fault.empty() ? "no crash, memory and speed level" : fault;
  return result;
}

}  // namespace moestress::protocol

// C6: linear memory growth only: bytes against context tokens lie on a line with the slope of the KV layout.
#include <fmt/format.h>

#include <cmath>

#include "protocol/criteria.h"

namespace moestress::protocol {

using record::Verdict;

record::CriterionResult criterion_c6_memory_growth(const CriterionInput& input) {
  const double limit = input.thresholds.c6_slope_error_percent_max;
  record::CriterionResult result{
      "C6", "memory growth", fmt::format("linear, slope ±{:g} %", limit), {}, "%", {}, {}, {}};
  const auto slope = input.metric("5.1", "kv_bytes_per_token");
  const auto predicted = input.metric("5.1", "kv_bytes_per_token_predicted");
  const auto quadratic = input.metric("5.1", "kv_bytes_quadratic");
  if (!slope || !predicted || predicted->value <= 0) {
    result.verdict = Verdict::Skipped;
    result.reason = "bytes at several context lengths were not measured (test 5.1, `moestress serve` only)";
    return result;
  }
  const double error = 100 * (slope->value / predicted->value - 1);
  result.measured = error;
  result.evidence = fmt::format("{:.0f} bytes/token measured, {:.0f} predicted, {} contexts", slope->value,
                                predicted->value, slope->n);
  if (!quadratic || !quadratic->ci) {
    result.verdict = Verdict::Inconclusive;
    result.reason =
        "fewer than four contexts: a bend can't be told from a line; add memory_contexts to the plan";
  } else if (quadratic->ci->first > 0 || quadratic->ci->second < 0) {
    result.verdict = Verdict::Fail;
    result.reason =
        fmt::format("memory bends with context: quadratic term {:.3g} bytes/token², its interval excludes 0",
                    quadratic->value);
  } else if (std::abs(error) > limit) {
    result.verdict = Verdict::Fail;
    result.reason = fmt::format("slope is {:+.1f} % off the KV layout's", error);
  } else {
    result.verdict = Verdict::Pass;
    result.reason = fmt::format("linear; slope {:+.2f} % off the KV layout's", error);
  }
  return result;
}

}  // namespace moestress::protocol

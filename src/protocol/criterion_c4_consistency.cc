// C4: more than 95 % consistent with GPU-only: lower Wilson limits of top-1 agreement, per prompt, and of
// unflipped task outcomes; both.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "protocol/criteria.h"
#include "stats/interval.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

/// What a share with its interval says of the limit: over it, under it, or neither.
Verdict against(double limit, const record::Metric& share) {
  if (share.ci->first > limit) return Verdict::Pass;
  return share.ci->second < limit ? Verdict::Fail : Verdict::Inconclusive;
}

/// "top-1 agreement 99.00 % (at least 96.1 %, 110 prompts)"
std::string told(const std::string& what, const record::Metric& share, const char* samples) {
  return fmt::format("{} {:.2f} % (at least {:.1f} %, {} {})", what, 100 * share.value, 100 * share.ci->first,
                     share.n, samples);
}

/// How many samples would do, where the share found passes the limit at all.
std::string needed(const record::Metric& share, double limit, const char* what, const char* samples) {
  const auto trials = stats::wilson_trials(share.value, limit);
  return fmt::format(
      "the lower limit of {} is not over {:g} %{}", what, 100 * limit,
      trials ? fmt::format("; at this share {} {} would do", *trials, samples) : std::string());
}

/// The two figures, each with what it says of the limit.
struct Shares {
  const record::TestResult* tokens_test;
  const record::TestResult* tasks_test;
  std::optional<record::Metric> tokens;
  std::optional<record::Metric> tasks;
  Verdict of_tokens;
  Verdict of_tasks;
};

Shares shares_of(const CriterionInput& input) {
  Shares shares{input.test("6.1"),
                input.test("6.2"),
                input.metric("6.1", "top1_agreement"),
                input.metric("6.2", "task_outcomes_unflipped"),
                Verdict::Inconclusive,
                Verdict::Inconclusive};
  const double limit = input.thresholds.c4_agreement_min;
  if (shares.tokens && !shares.tokens->ci) shares.tokens.reset();
  if (shares.tasks && !shares.tasks->ci) shares.tasks.reset();
  if (shares.tokens) shares.of_tokens = against(limit, *shares.tokens);
  if (shares.tasks) shares.of_tasks = against(limit, *shares.tasks);
  // Two sides that solve nothing agree, and 6.2 says so.
  if (shares.of_tasks == Verdict::Pass && shares.tasks_test->verdict == Verdict::Inconclusive)
    shares.of_tasks = Verdict::Inconclusive;
  return shares;
}

/// Why it stays undecided.
std::string undecided(const CriterionInput& input, const Shares& shares) {
  const auto why = [](const record::TestResult* test, const char* id) {
    return test == nullptr ? fmt::format("test {} was not run", id) : test->reason;
  };
  if (!shares.tokens) return "task outcomes were compared, but not tokens: " + why(shares.tokens_test, "6.1");
  if (!shares.tasks)
    return fmt::format("{}, but task outcomes were not compared: {}",
                       told("top-1 agreement is", *shares.tokens, "prompts"),
                       input.random_weights ? "the model's weights are random, it solves no task"
                                            : why(shares.tasks_test, "6.2"));
  const double limit = input.thresholds.c4_agreement_min;
  if (shares.of_tokens == Verdict::Pass && against(limit, *shares.tasks) == Verdict::Pass)
    return shares.tasks_test->reason;
  return shares.of_tokens != Verdict::Pass
             ? needed(*shares.tokens, limit, "top-1 agreement", "prompts (consistency_prompts)")
             : needed(*shares.tasks, limit, "unflipped task outcomes", "tasks in all (reasoning_tasks)");
}

/// A test that found a difference decides, and so does a baseline that is no real GPU.
bool decided_before(const CriterionInput& input, const Shares& shares, record::CriterionResult& result) {
  for (const auto* test :
       {shares.tokens ? shares.tokens_test : nullptr, shares.tasks ? shares.tasks_test : nullptr})
    if (test != nullptr && (test->verdict == Verdict::Fail || test->verdict == Verdict::Invalid)) {
      result.verdict = test->verdict;
      result.reason = test->reason;
      return true;
    }
  for (const char* id : {"6.1", "6.2"})
    if (const auto cpu = input.metric(id, "baseline_on_cpu"); cpu && cpu->value > 0) {
      result.verdict = Verdict::Inconclusive;
      result.reason = fmt::format(
          "there was no real GPU to play GPU-only: it was the CPU in another rounding (lower limit {:.1f} %)",
          *result.measured);
      return true;
    }
  return false;
}

}  // namespace

record::CriterionResult criterion_c4_consistency(const CriterionInput& input) {
  const double limit = input.thresholds.c4_agreement_min;
  record::CriterionResult result{
      "C4", "consistency with GPU-only", fmt::format("> {:g} %", 100 * limit), {}, "%", {}, {}, {}};
  const Shares shares = shares_of(input);
  if (!shares.tokens && !shares.tasks) {
    result.verdict = Verdict::Skipped;
    result.reason = shares.tokens_test == nullptr ? "test 6.1 was not run" : shares.tokens_test->reason;
    return result;
  }
  if (shares.tokens) {
    result.measured = 100 * shares.tokens->ci->first;
    result.evidence = told("top-1 agreement", *shares.tokens, "prompts");
  }
  if (shares.tasks) {
    const double lower = 100 * shares.tasks->ci->first;
    result.measured = std::min(result.measured.value_or(lower), lower);
    result.evidence +=
        (result.evidence.empty() ? "" : "; ") + told("unflipped task outcomes", *shares.tasks, "tasks");
  }
  if (decided_before(input, shares, result)) return result;
  result.verdict = record::combine({shares.of_tokens, shares.of_tasks});
  if (result.verdict == Verdict::Pass) {
    result.reason = fmt::format("tokens and task outcomes both agree in more than {:g} %", 100 * limit);
  } else if (result.verdict == Verdict::Fail) {
    result.reason =
        fmt::format("{} with GPU-only in less than {:g} %",
                    shares.of_tokens == Verdict::Fail ? "tokens agree" : "task outcomes agree", 100 * limit);
  } else {
    result.reason = undecided(input, shares);
  }
  return result;
}

}  // namespace moestress::protocol

#include "protocol/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "record/metric_catalogue.h"
#include "stats/interval.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using plan::Expectation;
using plan::Statistic;
using record::CheckResult;
using record::TestResult;
using record::Verdict;

const std::vector<double>& values_of(const RequestFigures& figures, std::string_view quantity) {
  if (quantity == "ttft_ms") return figures.latency.ttft_ms;
  if (quantity == "ttft_send_ms") return figures.latency.ttft_send_ms;
  if (quantity == "itl_ms") return figures.latency.itl_ms;
  if (quantity == "tpot_ms") return figures.latency.tpot_ms;
  if (quantity == "e2e_ms") return figures.latency.e2e_ms;
  return figures.latency.decode_tok_s;
}

std::string number(double value, const std::string& unit) {
  return unit.empty() ? fmt::format("{:.6g}", value) : fmt::format("{:.6g} {}", value, unit);
}

/// The verdict of a figure that was measured.
void conclude(const Expectation& expectation, double value, const std::string& note, CheckResult& result) {
  result.measured = value;
  result.verdict = expectation.holds(value) ? Verdict::Pass : Verdict::Fail;
  result.reason = fmt::format("measured {} (n {}{}{})", number(value, result.unit), result.n,
                              note.empty() ? "" : ", ", note);
}

/// The tests whose figures count, of those that have ended.
std::vector<const TestResult*> tests_named(const Expectation& expectation,
                                           const std::vector<TestResult>& tests) {
  std::vector<const TestResult*> named;
  for (const TestResult& test : tests)
    if (expectation.test.empty() || test.id == expectation.test) named.push_back(&test);
  return named;
}

std::string not_run(const Expectation& expectation) {
  return expectation.test.empty() ? "no test has ended"
                                  : fmt::format("test {} was not run", expectation.test);
}

double statistic_of(const Expectation& expectation, std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  switch (expectation.statistic) {
    case Statistic::Quantile:
      return stats::quantile_of_sorted(values, expectation.quantile);
    case Statistic::Median:
      return stats::quantile_of_sorted(values, 0.5);
    case Statistic::Min:
      return values.front();
    case Statistic::Max:
      return values.back();
    default:
      return stats::summarize(values).mean;
  }
}

void judge_values(const Expectation& expectation, std::vector<double> values, CheckResult& result) {
  result.n = static_cast<std::int64_t>(values.size());
  if (values.empty()) {
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format("no request gave a {}", expectation.metric);
    return;
  }
  const double value = statistic_of(expectation, values);
  const bool quantile = expectation.statistic == Statistic::Quantile;
  if (quantile || expectation.statistic == Statistic::Median) {
    const double q = quantile ? expectation.quantile : 0.5;
    const int needed = stats::samples_for_quantile(q);
    if (result.n < needed) {
      result.measured = value;
      result.verdict = Verdict::Inconclusive;
      result.reason = fmt::format("measured {}, but {} values are too few for p({:g}): it takes {}",
                                  number(value, result.unit), result.n, q * 100, needed);
      return;
    }
  }
  conclude(expectation, value, "", result);
}

void judge_rate(const Expectation& expectation, std::int64_t ok, std::int64_t failed, CheckResult& result) {
  result.n = ok + failed;
  if (result.n == 0) {
    result.verdict = Verdict::Inconclusive;
    result.reason = "no request has ended";
    return;
  }
  const auto hits = static_cast<double>(expectation.metric == "requests_failed" ? failed : ok);
  const auto n = static_cast<double>(result.n);
  const stats::Interval interval = stats::wilson(hits, n);
  conclude(expectation, hits / n, fmt::format("95 % interval {:.4g} to {:.4g}", interval.lo, interval.hi),
           result);
}

void judge_requests(const Expectation& expectation, const std::vector<const TestResult*>& tests,
                    const FiguresOf& figures_of, CheckResult& result) {
  result.test = expectation.test;
  result.unit = record::find_quantity(expectation.metric)->unit;
  std::vector<double> values;
  std::int64_t ok = 0, failed = 0;
  for (const TestResult* test : tests) {
    const auto figures = figures_of(test->id);
    if (!figures) {
      result.verdict = Verdict::Invalid;
      result.reason = "the requests could not be read back: " + figures.error().message;
      return;
    }
    ok += (*figures)->ok;
    failed += (*figures)->failed;
    const auto& more = values_of(**figures, expectation.metric);
    values.insert(values.end(), more.begin(), more.end());
  }
  if (expectation.statistic == Statistic::Rate)
    judge_rate(expectation, ok, failed, result);
  else
    judge_values(expectation, std::move(values), result);
}

/// A figure that tests give by themselves: where several do, the first that fails, or else the last, decides.
void judge_figure(const Expectation& expectation, const std::vector<const TestResult*>& tests,
                  CheckResult& result) {
  const TestResult* silent = nullptr;
  const auto givers = record::tests_that_give(expectation.metric);
  for (const TestResult* test : tests) {
    const auto metric = test->metrics.find(expectation.metric);
    if (metric == test->metrics.end()) {
      if (std::find(givers.begin(), givers.end(), test->id) != givers.end()) silent = test;
      continue;
    }
    result.test = test->id;
    result.unit = metric->second.unit;
    result.n = metric->second.n;
    const auto& ci = metric->second.ci;
    conclude(expectation, metric->second.value,
             ci ? fmt::format("95 % interval {:.4g} to {:.4g}", ci->first, ci->second) : "", result);
    if (result.verdict == Verdict::Fail) return;
  }
  if (result.measured) return;
  if (silent != nullptr) {
    result.test = silent->id;
    result.verdict = Verdict::Inconclusive;
    result.reason = fmt::format("test {} gave no {}: {}", silent->id, expectation.metric,
                                base::printable(silent->reason, 300));
    return;
  }
  result.verdict = Verdict::Skipped;
  result.reason = fmt::format(
      "no test that gives {} was run ({})", expectation.metric,
      givers.front().empty() ? "any test with requests" : fmt::format("{}", fmt::join(givers, ", ")));
}

/// What comes from a test that can't be trusted can't be either.
void distrust(const std::vector<const TestResult*>& tests, CheckResult& result) {
  if (!result.measured) return;
  for (const TestResult* test : tests) {
    if (test->verdict != Verdict::Invalid || (!result.test.empty() && test->id != result.test)) continue;
    result.verdict = Verdict::Invalid;
    result.reason += fmt::format("; test {} is INVALID: {}", test->id, base::printable(test->reason, 300));
    return;
  }
}

}  // namespace

void RequestFigures::add(const record::Outcome& outcome) {
  if (outcome.ending == record::Ending::Cancelled) return;
  ++(outcome.ok() ? ok : failed);
  const load::LatencyFigures one = load::latency_figures({&outcome, 1});
  const auto append = [](std::vector<double>& to, const std::vector<double>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(latency.ttft_ms, one.ttft_ms);
  append(latency.ttft_send_ms, one.ttft_send_ms);
  append(latency.itl_ms, one.itl_ms);
  append(latency.tpot_ms, one.tpot_ms);
  append(latency.e2e_ms, one.e2e_ms);
  append(latency.decode_tok_s, one.decode_tok_s);
}

CheckResult judge_check(const plan::Check& check, const Expectation& expectation,
                        const std::vector<TestResult>& tests, const FiguresOf& figures_of) {
  CheckResult result;
  result.expression = check.expect;
  const auto named = tests_named(expectation, tests);
  if (named.empty()) {
    result.reason = not_run(expectation);
  } else if (expectation.statistic == Statistic::Figure) {
    judge_figure(expectation, named, result);
  } else {
    judge_requests(expectation, named, figures_of, result);
  }
  distrust(named, result);
  return result;
}

CheckWatch::CheckWatch(const std::vector<plan::Check>& checks, Read read) : read_(std::move(read)) {
  for (const plan::Check& check : checks)
    if (auto expectation = plan::parse_expectation(check.expect))  // a validated plan's always is one
      entries_.push_back({check, std::move(*expectation)});
}

base::Result<const RequestFigures*> CheckWatch::figures(std::string_view test) {
  if (const auto known = figures_.find(test); known != figures_.end()) return &known->second;
  RequestFigures figures;
  MOESTRESS_TRY_STATUS(
      read_(std::string(test), [&](const record::Outcome& outcome) { figures.add(outcome); }));
  return &figures_.emplace(test, std::move(figures)).first->second;
}

std::vector<CheckResult> CheckWatch::judge(const std::vector<TestResult>& tests) {
  std::vector<CheckResult> results;
  results.reserve(entries_.size());
  for (const Entry& entry : entries_)
    results.push_back(judge_check(entry.check, entry.expectation, tests,
                                  [this](std::string_view test) { return figures(test); }));
  return results;
}

std::optional<CheckResult> CheckWatch::abort_for(const std::vector<TestResult>& tests) {
  for (const Entry& entry : entries_) {
    if (!entry.check.abort_on_fail) continue;
    CheckResult result = judge_check(entry.check, entry.expectation, tests,
                                     [this](std::string_view test) { return figures(test); });
    if (result.verdict == Verdict::Fail) return result;
  }
  return std::nullopt;
}

}  // namespace moestress::protocol

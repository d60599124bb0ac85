// 2.2 concurrency: 1 to 5 parallel sessions, each of a prompt class of its own, long and short mixed; speed,
// fairness, latency and memory at each level, whether a session's text beside others is its text alone
// (cross-talk), and whether one is starved.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/text.h"
#include "load/latency.h"
#include "protocol/cross_talk_verdict.h"
#include "protocol/failure.h"
#include "protocol/fairness.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "stats/fairness.h"
#include "stats/interval.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

constexpr double kStarvedShareMax = 0.10;  // of the rounds at each level: more than chance makes

struct Plan {
  std::size_t sessions;
  std::size_t rounds;
};

/// Of each reply of a session: every other session's are long.
int reply_tokens(const plan::TestParameters& sizes, std::size_t session) {
  return session % 2 == 0 ? sizes.concurrency_tokens : std::max(8, sizes.concurrency_tokens / 2);
}

/// Each session's requests; the same at every level, so that only the company differs.
std::vector<std::vector<record::Request>> all_sessions(Rig& rig, const Plan& plan) {
  std::vector<std::vector<record::Request>> sessions;
  for (std::size_t i = 0; i < plan.sessions; ++i) {
    const workload::RequestShape shape = rig.request_shape(reply_tokens(rig.sizes(), i));
    auto requests = workload::session_requests(static_cast<int>(i), plan.rounds, rig.request_ids(), shape,
                                               rig.seed(fmt::format("2.2/session {}", i)));
    const auto session = rig.next_session();
    for (auto& request : requests) request.session = session;
    sessions.push_back(std::move(requests));
  }
  return sessions;
}

std::vector<std::vector<record::Request>> first_sessions(Rig& rig,
                                                         const std::vector<std::vector<record::Request>>& all,
                                                         std::size_t count) {
  std::vector<std::vector<record::Request>> sessions(all.begin(),
                                                     all.begin() + static_cast<std::ptrdiff_t>(count));
  for (auto& session : sessions)
    for (auto& request : session) request.id = rig.request_ids().next();
  return sessions;
}

/// Outcomes sorted into sessions, each in the order of its requests.
std::vector<std::vector<Outcome>> by_session(const std::vector<std::vector<record::Request>>& sessions,
                                             std::vector<Outcome> outcomes) {
  std::vector<std::vector<Outcome>> sorted(sessions.size());
  for (std::size_t i = 0; i < sessions.size(); ++i)
    for (const auto& request : sessions[i]) {
      const auto found = std::find_if(outcomes.begin(), outcomes.end(),
                                      [&](const Outcome& outcome) { return outcome.request == request.id; });
      if (found != outcomes.end()) sorted[i].push_back(std::move(*found));
    }
  return sorted;
}

struct Level {
  std::size_t sessions = 0;
  double aggregate_tok_s = 0;
  double slowest_tok_s = std::nan("");
  double jain = 1;
  double ttft_ms_p50 = std::nan("");
  double itl_ms_p50 = std::nan("");
  double itl_ms_p99 = std::nan("");
  double private_bytes_peak = std::nan("");
  std::int64_t failed = 0;
  stats::Interval slowest_interval;  ///< of that session's replies
};

/// How much faster the replies of each round came side by side than one after another: the sum of their times
/// alone over the time that the round took. Rounds with a reply that failed are left out.
std::vector<double> speedups(const std::vector<std::vector<Outcome>>& alone,
                             const std::vector<std::vector<Outcome>>& beside) {
  std::vector<double> found;
  for (std::size_t round = 0; round < beside.front().size(); ++round) {
    base::Duration in_turn{0}, began = base::Duration::max(), ended{0};
    bool whole = true;
    for (std::size_t i = 0; i < beside.size(); ++i) {
      whole = whole && round < beside[i].size() && round < alone[i].size() && beside[i][round].ok() &&
              alone[i][round].ok();
      if (!whole) break;
      in_turn += alone[i][round].done - alone[i][round].planned;
      began = std::min(began, beside[i][round].planned);
      ended = std::max(ended, beside[i][round].done);
    }
    if (whole && ended > began) found.push_back(base::to_seconds(in_turn) / base::to_seconds(ended - began));
  }
  return found;
}

void note_speedup(std::size_t sessions, const std::vector<double>& values, ResultBuilder& result) {
  result.metric(fmt::format("speedup_s{}", sessions), stats::summarize(values).mean, "",
                static_cast<std::int64_t>(values.size()), stats::mean_interval(values));
}

double metric_or_nan(const record::Metrics& metrics, const char* name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? std::nan("") : found->second.value;
}

Level figures(const std::vector<std::vector<Outcome>>& sessions, double seconds,
              const std::vector<record::ProcessSample>& memory) {
  Level level;
  level.sessions = sessions.size();
  std::vector<Outcome> all;
  std::vector<double> session_speeds;
  std::int64_t tokens = 0;
  for (const auto& session : sessions) {
    double session_tokens = 0, session_seconds = 0;
    std::vector<double> replies;
    for (const Outcome& outcome : session) {
      if (!outcome.ok()) continue;
      if (const auto speed = load::decode_tok_s(outcome)) replies.push_back(*speed);
      tokens += outcome.completion_tokens;
      session_tokens += static_cast<double>(outcome.completion_tokens - 1);
      session_seconds += base::to_seconds(outcome.last_text - outcome.first_text);
    }
    if (session_seconds > 0) session_speeds.push_back(session_tokens / session_seconds);
    if (session_seconds > 0 &&
        session_speeds.back() <= *std::min_element(session_speeds.begin(), session_speeds.end()))
      level.slowest_interval = stats::mean_interval(replies);
    all.insert(all.end(), session.begin(), session.end());
  }
  const auto metrics = load::latency_metrics(all);
  level.aggregate_tok_s = static_cast<double>(tokens) / seconds;
  if (!session_speeds.empty())
    level.slowest_tok_s = *std::min_element(session_speeds.begin(), session_speeds.end());
  level.jain = stats::jain(session_speeds);
  level.ttft_ms_p50 = metric_or_nan(metrics, "ttft_ms_p50");
  level.itl_ms_p50 = metric_or_nan(metrics, "itl_ms_p50");
  level.itl_ms_p99 = metric_or_nan(metrics, "itl_ms_p99");
  level.failed = static_cast<std::int64_t>(metric_or_nan(metrics, "requests_failed"));
  for (const auto& sample : memory) {
    const double bytes = static_cast<double>(sample.private_bytes());
    if (std::isnan(level.private_bytes_peak) || bytes > level.private_bytes_peak)
      level.private_bytes_peak = bytes;
  }
  return level;
}

/// The sessions' replies one after the other: with log probabilities, which tell a near-tie, or
/// without where the server refuses them; `sessions` then ask for as many, so that their company is all
/// that differs. One that fails leaves nothing to compare with.
std::vector<std::vector<Outcome>> replies_alone(Rig& rig, std::vector<std::vector<record::Request>>& sessions,
                                                ResultBuilder& result) {
  const auto ask = [&](int top_logprobs) {
    for (auto& session : sessions)
      for (auto& request : session) request.top_logprobs = top_logprobs;
    auto requests = first_sessions(rig, sessions, sessions.size());
    std::vector<record::Request> in_turn;
    for (const auto& session : requests) in_turn.insert(in_turn.end(), session.begin(), session.end());
    auto load = rig.closed_loop("2.2", {std::move(in_turn)});
    if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
    return by_session(requests, std::move(load.outcomes));
  };
  const auto first_failure = [](const std::vector<std::vector<Outcome>>& replies) {
    std::optional<std::string> failure;
    for (const auto& session : replies)
      for (const Outcome& outcome : session)
        if (!failure) failure = failure_of(outcome);
    return failure;
  };
  auto alone = ask(2);
  if (const auto refusal = first_failure(alone); refusal && !rig.cancelled()) {
    result.finding("info", "with log probabilities a request alone " + *refusal + "; asked again without");
    alone = ask(-1);
  }
  if (const auto failure = first_failure(alone))
    result.judge(Verdict::Fail, "a session alone: a request " + *failure);
  return alone;
}

void note_level(const Level& level, ResultBuilder& result) {
  const auto n = static_cast<std::int64_t>(level.sessions);
  const std::string suffix = fmt::format("_s{}", level.sessions);
  result.metric("aggregate_tok_s" + suffix, level.aggregate_tok_s, "tok/s", n);
  result.metric("session_tok_s_min" + suffix, level.slowest_tok_s, "tok/s", n, level.slowest_interval);
  result.metric("fairness_jain" + suffix, level.jain, "", n);
  result.metric("requests_failed" + suffix, static_cast<double>(level.failed), "", n);
}

/// The rounds of all levels in which a session was starved.
struct StarvedRounds {
  std::int64_t rounds = 0;
  std::int64_t starved = 0;
  double worst_ratio = 0;
  std::string first;
};

void find_starved(const std::vector<std::vector<Outcome>>& alone,
                  const std::vector<std::vector<Outcome>>& beside, StarvedRounds& found) {
  for (std::size_t round = 0; round < beside.front().size(); ++round) {
    std::vector<Beside> sessions(beside.size());
    for (std::size_t i = 0; i < beside.size(); ++i)
      if (round < beside[i].size() && round < alone[i].size())
        sessions[i] = {&alone[i][round], &beside[i][round]};
    const Starvation starvation = find_starvation(sessions);
    if (!starvation.judged) continue;
    ++found.rounds;
    found.worst_ratio = std::max(found.worst_ratio, starvation.worst_ratio);
    if (!starvation.starved) continue;
    ++found.starved;
    if (found.first.empty()) found.first = starvation.what;
  }
}

void judge_starved(const StarvedRounds& found, ResultBuilder& result) {
  if (found.rounds == 0) return;
  const auto n = static_cast<double>(found.rounds);
  const auto share = stats::wilson(static_cast<double>(found.starved), n);
  result.metric("starved_rounds_share", static_cast<double>(found.starved) / n, "", found.rounds, share);
  result.metric("slowdown_ratio_max", found.worst_ratio, "", found.rounds);
  if (found.starved == 0) return;
  const std::string text = fmt::format("unfair: a session was starved in {} of {} rounds, e.g. {}",
                                       found.starved, found.rounds, found.first);
  if (share.lo > kStarvedShareMax) {
    result.judge(Verdict::Fail, text);
    return;
  }
  result.finding("warning", text);
  if (static_cast<double>(found.starved) <= kStarvedShareMax * n) return;
  const auto enough = stats::wilson_trials(static_cast<double>(found.starved) / n, kStarvedShareMax);
  result.judge(Verdict::Inconclusive,
               fmt::format("{}; whether that is chance can't be told from {} rounds, from {} it could "
                           "(tests.concurrency_rounds)",
                           text, found.rounds, enough.value_or(found.rounds + 1)));
}

}  // namespace

record::TestResult test_2_2_concurrency(Rig& rig) {
  ResultBuilder result;
  const auto& levels = rig.sizes().concurrency_levels;
  const Plan plan{static_cast<std::size_t>(*std::max_element(levels.begin(), levels.end())),
                  static_cast<std::size_t>(rig.sizes().concurrency_rounds)};
  auto sessions = all_sessions(rig, plan);

  const auto alone = replies_alone(rig, sessions, result);

  record::Table table{"Speed by parallel sessions",
                      {"sessions", "aggregate tok/s", "slowest session tok/s", "Jain fairness", "TTFT p50 ms",
                       "ITL p50 ms", "ITL p99 ms", "private bytes peak", "failed"},
                      {},
                      {},
                      "table"};
  TextComparisons counts;
  StarvedRounds starved;
  for (const int count : levels) {
    if (rig.cancelled()) break;
    const auto requests = first_sessions(rig, sessions, static_cast<std::size_t>(count));
    const base::Duration began = rig.now();
    std::vector<Outcome> outcomes;
    double seconds = 0;
    for (std::size_t round = 0; round < plan.rounds && !rig.cancelled(); ++round) {
      // Round by round, so that each has all sessions at work.
      std::vector<std::vector<record::Request>> now;
      for (const auto& session : requests) now.push_back({session[round]});
      const base::Duration round_began = rig.now();
      auto load = rig.closed_loop("2.2", std::move(now));
      seconds += base::to_seconds(rig.now() - round_began);
      if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
      std::move(load.outcomes.begin(), load.outcomes.end(), std::back_inserter(outcomes));
    }
    const auto beside = by_session(requests, std::move(outcomes));
    const Level level = figures(beside, seconds, rig.memory_since(began));
    note_level(level, result);
    note_speedup(level.sessions, speedups(alone, beside), result);
    table.rows.push_back({static_cast<double>(count), level.aggregate_tok_s, level.slowest_tok_s, level.jain,
                          level.ttft_ms_p50, level.itl_ms_p50, level.itl_ms_p99, level.private_bytes_peak,
                          static_cast<double>(level.failed)});
    for (const auto& session : beside)
      for (const Outcome& outcome : session)
        if (const auto failure = failure_of(outcome)) {
          result.finding("error", fmt::format("{} sessions: a request {}", count, *failure));
          result.judge(Verdict::Fail, fmt::format("at {} sessions a request {}", count, *failure));
        }
    judge_cross_talk(rig, requests, alone, beside, counts, result);
    // With more sessions than slots some must wait.
    if (count > 1 && count <= rig.plan().target.slots) find_starved(alone, beside, starved);
  }
  judge_starved(starved, result);
  if (counts.compared == 0)
    result.judge(Verdict::Inconclusive, "no reply could be compared with its like alone");
  result.metric("cross_talk_texts", static_cast<double>(counts.cross_talk), "", counts.compared);
  result.metric("near_tie_texts", static_cast<double>(counts.near_ties), "", counts.compared);
  result.table(std::move(table));
  result.judge(Verdict::Pass, fmt::format("{} replies at {} to {} sessions: none failed, none differs from "
                                          "its text alone but at {} near-ties, and no session was starved",
                                          counts.compared, levels.front(), levels.back(), counts.near_ties));
  return result.take();
}

Work work_2_2(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  const auto& levels = sizes.concurrency_levels;
  Work work;
  double alone_equivalent = 0;  // tokens, each over how many others are generated beside it
  const auto add = [&](int sessions, bool side_by_side) {
    double tokens = 0;
    for (int i = 0; i < sessions; ++i)
      tokens +=
          static_cast<double>(sizes.concurrency_rounds) * reply_tokens(sizes, static_cast<std::size_t>(i));
    work.requests += static_cast<std::int64_t>(sessions) * sizes.concurrency_rounds;
    work.reply_tokens += std::llround(tokens);
    alone_equivalent += side_by_side ? tokens / sessions : tokens;
  };
  add(*std::max_element(levels.begin(), levels.end()), false);
  for (const int level : levels) add(level, true);
  work.prompt_tokens = std::llround(static_cast<double>(work.requests) *
                                    mean_prompt_tokens(input, sizes.prompt_characters_max));
  work.parallel = static_cast<double>(work.reply_tokens) / alone_equivalent;
  return work;
}

}  // namespace moestress::protocol

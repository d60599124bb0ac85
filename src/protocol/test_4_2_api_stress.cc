// 4.2 API stress: every endpoint over HTTP, SSE and WebSocket at once, on kept and on fresh connections; slow
// readers, clients that hang up, and misuse (api_clients.cc, api_misuse.cc); response times, completed share,
// throughput, and the server's health afterwards.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "load/latency.h"
#include "protocol/api_stress.h"
#include "protocol/failure.h"
#include "protocol/tests.h"
#include "stats/quantile.h"
#include "stats/significance.h"
#include "target/dialect.h"
#include "target/misuse.h"
#include "workload/prompts.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

constexpr double kCompletedShareMin = 0.99;
constexpr std::size_t kPrompts = 4;
constexpr std::int64_t kQuestionsPerRequest = 10;  // the small ones that time connections

/// 429 and 503 say that there is too much to do: no fault by themselves.
bool is_overload(const Outcome& outcome) { return outcome.http_status == 429 || outcome.http_status == 503; }

struct Pass {
  std::vector<Outcome> outcomes;
  double seconds = 0;
};

/// `per_way` requests of each way, all ways mixed over as many sessions as there are slots.
Pass ask_in_all_ways(Rig& rig, const std::vector<ApiWay>& ways, int per_way, bool keep_connections,
                     ResultBuilder& result) {
  const auto sessions =
      std::clamp<std::size_t>(static_cast<std::size_t>(rig.plan().target.slots), 1, ways.size());
  std::vector<std::vector<record::Request>> requests(sessions);
  std::size_t i = 0;
  for (int round = 0; round < per_way; ++round)
    for (const ApiWay& way : ways) {
      requests[i % sessions].push_back(api_request(rig, way, i, kApiReplyTokens));
      ++i;
    }
  rig.target().reuse_connections(keep_connections);
  const base::Duration began = rig.now();
  auto load = rig.closed_loop("4.2", std::move(requests));
  rig.target().reuse_connections(true);
  if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
  return {std::move(load.outcomes), base::to_seconds(rig.now() - began)};
}

void put_quantile(ResultBuilder& result, const std::string& name, std::vector<double> values, double q) {
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  result.metric(name, stats::quantile_of_sorted(values, q), "ms", static_cast<std::int64_t>(values.size()),
                stats::quantile_interval(values, q));
}

/// Response times and failures of each way.
void note_ways(const std::vector<ApiWay>& ways, const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  record::Table table{"Response times by endpoint",
                      {"requests", "completed", "response p50 ms", "response p90 ms", "TTFT p50 ms"},
                      {},
                      {},
                      "table"};
  for (const ApiWay& way : ways) {
    std::vector<Outcome> own;
    std::copy_if(outcomes.begin(), outcomes.end(), std::back_inserter(own),
                 [&](const Outcome& outcome) { return outcome.label == way.name; });
    const auto figures = load::latency_figures(own);
    put_quantile(result, fmt::format("e2e_ms_p50_{}", way.name), figures.e2e_ms, 0.5);
    put_quantile(result, fmt::format("e2e_ms_p90_{}", way.name), figures.e2e_ms, 0.9);
    if (way.stream) put_quantile(result, fmt::format("ttft_ms_p50_{}", way.name), figures.ttft_ms, 0.5);
    table.row_labels.emplace_back(way.name);
    table.rows.push_back({static_cast<double>(own.size()), static_cast<double>(figures.e2e_ms.size()),
                          stats::quantile(figures.e2e_ms, 0.5), stats::quantile(figures.e2e_ms, 0.9),
                          way.stream ? stats::quantile(figures.ttft_ms, 0.5) : std::nan("")});
  }
  result.table(std::move(table));
}

/// The completed share and its verdict. Gives the sentence about it.
std::string judge_completion(const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  std::int64_t ok = 0, overload = 0, sent = 0;
  for (const Outcome& outcome : outcomes) {
    if (outcome.ending == record::Ending::Cancelled) continue;
    ++sent;
    if (outcome.ok()) {
      ++ok;
    } else if (is_overload(outcome)) {
      ++overload;
    } else {
      const std::string text =
          fmt::format("a well-formed request over {} {}", outcome.label, *failure_of(outcome));
      result.finding("error", text);
      result.judge(Verdict::Fail, text);
    }
  }
  const auto share = stats::wilson(static_cast<double>(ok), static_cast<double>(sent));
  result.metric("requests_ok", static_cast<double>(ok), "", sent);
  result.metric("requests_failed", static_cast<double>(sent - ok), "", sent);
  if (sent == 0) {
    result.judge(Verdict::Inconclusive, "no request was sent");
    return "no request was sent";
  }
  result.metric("completed_share", static_cast<double>(ok) / static_cast<double>(sent), "", sent, share);
  const std::string text =
      fmt::format("{} of {} well-formed requests were answered (95 % interval {:.1f} to {:.1f} %)", ok, sent,
                  100 * share.lo, 100 * share.hi);
  if (overload > 0)
    result.finding("warning",
                   fmt::format("{} requests were refused for overload (429 or 503), with no more in "
                               "flight than the slots that the plan names",
                               overload));
  if (share.hi < kCompletedShareMin)
    result.judge(Verdict::Fail, fmt::format("{}: fewer than {:.0f} %", text, 100 * kCompletedShareMin));
  return text;
}

/// What a connection costs, and whether many in a row fail.
void time_connections(Rig& rig, ResultBuilder& result) {
  const auto times = rig.target().connection_times(kQuestionsPerRequest * rig.sizes().api_requests);
  put_quantile(result, "small_request_ms_p50_fresh", times.fresh_ms, 0.5);
  put_quantile(result, "small_request_ms_p50_kept", times.kept_ms, 0.5);
  const auto asked = static_cast<std::int64_t>(times.fresh_ms.size() + times.kept_ms.size()) +
                     times.fresh_failed + times.kept_failed;
  result.metric("connect_cost_ms", stats::shift(times.kept_ms, times.fresh_ms), "ms", asked);
  result.metric("small_requests_failed", static_cast<double>(times.fresh_failed + times.kept_failed), "",
                asked);
  if (times.kept_closed > 0)
    result.finding("info",
                   fmt::format("the server closes connections that could be kept: {} of {} answers said so",
                               times.kept_closed, times.kept_ms.size()));
  if (times.fresh_failed + times.kept_failed > 0)
    result.judge(
        Verdict::Fail,
        fmt::format("GET {} in a row: {} of {} failed on fresh connections, {} of {} on the kept one; the "
                    "first: {}",
                    times.path, times.fresh_failed,
                    times.fresh_failed + static_cast<std::int64_t>(times.fresh_ms.size()), times.kept_failed,
                    times.kept_failed + static_cast<std::int64_t>(times.kept_ms.size()),
                    times.first_failure));
}

void note_what_is_missing(Rig& rig, const std::vector<ApiWay>& ways, ResultBuilder& result) {
  std::string missing;
  for (const ApiWay& way : kApiWays)
    if (std::none_of(ways.begin(), ways.end(), [&](const ApiWay& own) { return own.name == way.name; }))
      missing += (missing.empty() ? "" : ", ") + std::string(way.name);
  if (missing.empty()) return;
  const bool web_socket = rig.target().supports(record::Endpoint::ShimmyWebSocket);
  result.finding("info", fmt::format("not tested, since {} has no such endpoint: {}{}",
                                     target::to_string(rig.target().dialect()), missing,
                                     web_socket ? "" : ", and all misuse of a WebSocket"));
}

}  // namespace

std::vector<ApiWay> api_ways(Rig& rig) {
  std::vector<ApiWay> ways;
  for (const ApiWay& way : kApiWays)
    if (rig.target().supports(way.endpoint)) ways.push_back(way);
  return ways;
}

ApiWay lightest_way(Rig& rig) {
  const bool raw = rig.target().supports(record::Endpoint::Completion);
  return *std::find_if(kApiWays.begin(), kApiWays.end(), [&](const ApiWay& way) {
    return way.stream && way.endpoint == (raw ? record::Endpoint::Completion : record::Endpoint::Chat);
  });
}

record::Request api_request(Rig& rig, const ApiWay& way, std::size_t index, int max_tokens) {
  const auto prompts = rig.prompts().shortest(kPrompts);
  workload::RequestShape shape = rig.request_shape(max_tokens);
  shape.endpoint = way.endpoint;
  shape.stream = way.stream;
  auto request = workload::make_request(prompts[index % prompts.size()], rig.request_ids().next(),
                                        rig.next_session(), shape);
  request.label = way.name;
  request.reuse_prefix = true;  // prefill is not what is tested here
  return request;
}

ApiBaseline api_baseline(const std::vector<Outcome>& outcomes) {
  std::vector<Outcome> streams;
  ApiBaseline baseline;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.ok()) continue;
    ++baseline.n;
    baseline.e2e_ms = std::max(baseline.e2e_ms, base::to_ms(outcome.done - outcome.planned));
    // One that is not streamed has all its text at the end.
    if (outcome.chunks.size() > 1) streams.push_back(outcome);
  }
  const auto figures = load::latency_figures(streams);
  baseline.ttft_ms = figures.ttft_ms.empty()
                         ? baseline.e2e_ms
                         : *std::max_element(figures.ttft_ms.begin(), figures.ttft_ms.end());
  baseline.token_ms =
      figures.tpot_ms.empty() ? baseline.e2e_ms / kApiReplyTokens : stats::quantile(figures.tpot_ms, 0.5);
  return baseline;
}

record::TestResult test_4_2_api_stress(Rig& rig) {
  ResultBuilder result;
  const auto ways = api_ways(rig);
  note_what_is_missing(rig, ways, result);
  const int fresh_rounds = rig.sizes().api_requests / 2;
  Pass kept = ask_in_all_ways(rig, ways, rig.sizes().api_requests - fresh_rounds, true, result);
  const Pass fresh = ask_in_all_ways(rig, ways, fresh_rounds, false, result);
  const ApiBaseline baseline = api_baseline(kept.outcomes);

  std::vector<Outcome> all = std::move(kept.outcomes);
  all.insert(all.end(), fresh.outcomes.begin(), fresh.outcomes.end());
  note_ways(ways, all, result);
  const std::string completion = judge_completion(all, result);
  const double seconds = kept.seconds + fresh.seconds;
  std::int64_t ok = 0, tokens = 0;
  for (const Outcome& outcome : all) {
    if (!outcome.ok()) continue;
    ++ok;
    tokens += std::max<std::int64_t>(outcome.completion_tokens, 0);
  }
  result.metric("throughput_requests_per_s", static_cast<double>(ok) / seconds, "1/s", ok);
  result.metric("aggregate_tok_s", static_cast<double>(tokens) / seconds, "tok/s", tokens);
  if (baseline.n == 0) {
    result.judge(Verdict::Fail, "no well-formed request was answered");
    return result.take();
  }
  if (!rig.cancelled()) time_connections(rig, result);
  if (!rig.cancelled()) read_slowly_from_server(rig, baseline, result);
  if (!rig.cancelled()) hang_up_on_server(rig, baseline, result);
  MisuseSummary misuse;
  if (!rig.cancelled()) misuse = misuse_server(rig, baseline, result);
  result.judge(
      Verdict::Pass,
      fmt::format(
          "{}, in {} ways at once; no slow reader stalled another client; hanging up freed the slots; "
          "{} misuses of {} kinds were taken as they should be, and {} health checks answered",
          completion, ways.size(), misuse.tries, misuse.kinds, misuse.health_checks));
  return result.take();
}

Work work_4_2(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  const std::int64_t slots = input.plan.target.slots;
  const auto ways = static_cast<std::int64_t>(kApiWays.size());
  const auto kinds = static_cast<std::int64_t>(target::kMisuses.size());
  const std::int64_t small = ways * sizes.api_requests + slots * (1 + sizes.api_misuses);
  Work work;
  work.requests = small + slots * sizes.api_misuses + kinds;
  work.prompt_tokens =
      (static_cast<std::int64_t>(kPrompts) * slots + small / 2) * 40;  // the rest is in its cache
  work.reply_tokens = (small + kinds) * kApiReplyTokens;
  work.seconds = 2.0 + static_cast<double>(kinds * sizes.api_misuses) * 0.05;
  return work;
}

}  // namespace moestress::protocol

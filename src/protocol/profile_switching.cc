// 5.2's expert switching: token times come from the wire, the routing from a replay of the same texts
// afterwards, since nothing is traced while it is timed.
#include "protocol/profile_switching.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/text.h"
#include "experts/cache.h"
#include "experts/routing_statistics.h"
#include "experts/step_cost.h"
#include "experts/switching.h"
#include "protocol/scoring.h"
#include "quality/score_file.h"
#include "stats/quantile.h"
#include "stats/significance.h"
#include "workload/switching_prompts.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::RoutingTrace;

constexpr std::size_t kSessionsMax = 3;
/// Replies a side below which no difference between two sets of them could be significant.
constexpr std::size_t kRepliesASide = 4;
constexpr double kSignificance = 0.05;
constexpr std::size_t kStepsMin = 6;  ///< for a slope

/// A reply that was timed, with the routing of its replay.
struct Replay {
  experts::AlignedReply alone;
  RoutingTrace trace;
  std::vector<std::string> pieces;
};

base::Result<std::string> text_before(Rig& rig, const record::Request& request) {
  if (request.endpoint == record::Endpoint::Completion) return request.prompt;
  return rig.facts().tokenizer->apply_chat_template(request.messages);
}

/// Replays of the replies that can be replayed, by request.
base::Result<std::map<std::size_t, Replay>> replay(Rig& rig, const SwitchingReplies& replies) {
  ScoringJob job;
  job.name = "switching";
  job.device = rig.device();
  job.experts = rig.plan().target.experts;
  job.trace = true;
  job.logits = false;
  std::vector<std::size_t> request_of_text;
  for (std::size_t i = 0; i < replies.alone.size(); ++i) {
    if (!replies.alone[i].ok() || replies.alone[i].text.empty() ||
        !base::is_valid_utf8(replies.alone[i].text))
      continue;
    MOESTRESS_TRY(const std::string before, text_before(rig, replies.requests[i]));
    job.texts.push_back({fmt::format("switching-{}", i), before + replies.alone[i].text, false});
    request_of_text.push_back(i);
    const auto tokens = static_cast<int>(replies.alone[i].prompt_tokens + replies.alone[i].completion_tokens);
    job.context_tokens = std::max(job.context_tokens, tokens + 256);
  }
  std::map<std::size_t, Replay> replays;
  if (job.texts.empty()) return replays;
  MOESTRESS_TRY(const std::string path, run_scoring(rig, job));
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  for (const std::size_t request : request_of_text) {
    MOESTRESS_TRY(auto text, reader.next());
    if (!text || !text->routing)
      return base::fail(base::ErrorCode::Format, "{}: its texts are not the ones that were to be traced",
                        path);
    MOESTRESS_TRY_STATUS(experts::check_traces({&*text->routing, 1}));
    Replay made;
    for (const auto token : text->tokens) made.pieces.push_back(rig.facts().tokenizer->piece(token));
    made.alone = experts::align_steps(replies.alone[request], made.pieces);
    made.trace = std::move(*text->routing);
    replays.emplace(request, std::move(made));
  }
  return replays;
}

/// Experts that changed at each of a reply's steps, mean; NaN without steps.
double changed_mean(const Replay& replay) {
  const auto changed = experts::experts_changed(replay.trace);
  double sum = 0, n = 0;
  for (const auto& step : replay.alone.steps) {
    if (step.token == 0 || step.token >= changed.size()) continue;
    sum += changed[step.token];
    ++n;
  }
  return n > 0 ? sum / n : std::nan("");
}

void regress(const std::map<std::size_t, Replay>& replays, ResultBuilder& result) {
  std::vector<experts::AlignedReply> aligned;
  std::vector<RoutingTrace> traces;
  double changed = 0, weight = 0;
  for (const auto& [request, made] : replays) {
    aligned.push_back(made.alone);
    traces.push_back(made.trace);
    const double mean = changed_mean(made);
    if (!std::isfinite(mean)) continue;
    changed += mean * static_cast<double>(made.alone.steps.size());
    weight += static_cast<double>(made.alone.steps.size());
  }
  const auto cost = experts::switch_cost_ms(aligned, traces);
  if (weight > 0)
    result.metric("experts_changed_mean", changed / weight, "experts/token",
                  static_cast<std::int64_t>(weight));
  if (!cost.interval.bounded()) {
    result.finding("info",
                   fmt::format("switching: {} token times could be laid to tokens, too few for a slope; "
                               "raise profile_tokens or profile_requests",
                               cost.n));
    return;
  }
  result.metric("switch_ms_per_expert", cost.slope, "ms", cost.n, cost.interval);
  const double per_token = changed / weight;
  result.metric("switch_ms_per_token", cost.slope * per_token, "ms", cost.n,
                stats::Interval{cost.interval.lo * per_token, cost.interval.hi * per_token});
  result.finding(
      "info",
      fmt::format("each expert that changed since the token before takes {:.4f} ms (95 % interval {:.4f} to "
                  "{:.4f}, {} tokens; {:.1f} change at a token): {}",
                  cost.slope, cost.interval.lo, cost.interval.hi, cost.n, per_token,
                  cost.interval.lo > 0   ? "switching has a price"
                  : cost.interval.hi < 0 ? "no price: something else decides a token's time"
                                         : "not distinguishable from 0"));
}

/// The pair of prompt sets: replies to one word again and again against replies to words that all differ.
void compare_sets(const SwitchingReplies& replies, const std::map<std::size_t, Replay>& replays,
                  ResultBuilder& result) {
  std::vector<double> changed[2], ms[2];  // repeated, varied
  for (const auto& [request, made] : replays) {
    std::vector<double> steps;
    for (const auto& step : made.alone.steps) steps.push_back(step.ms);
    const double mean = changed_mean(made);
    if (!std::isfinite(mean)) continue;
    const std::size_t side = replies.varied[request] ? 1 : 0;
    changed[side].push_back(mean);
    ms[side].push_back(stats::quantile(steps, 0.5));
  }
  const std::size_t fewer = std::min(ms[0].size(), ms[1].size());
  if (fewer == 0) return;
  record::Table table{"Replies to a repeated word and to varied words",
                      {"replies", "experts changed a token", "ms a token p50"},
                      {},
                      {"repeated", "varied"},
                      "table"};
  for (int side = 0; side < 2; ++side)
    table.rows.push_back({static_cast<double>(ms[side].size()), stats::summarize(changed[side]).mean,
                          stats::quantile(ms[side], 0.5)});
  result.table(std::move(table));
  const auto n = static_cast<std::int64_t>(ms[0].size() + ms[1].size());
  const double more = stats::shift(changed[0], changed[1]);
  const double shift = stats::shift(ms[0], ms[1]);
  result.metric("switch_pair_changed_shift", more, "experts/token", n);
  result.metric("switch_pair_shift_ms", shift, "ms", n);
  if (fewer < kRepliesASide) {
    result.finding("info", fmt::format("{} replies to repeated or varied words are too few to tell the two "
                                       "apart: {} would do, raise profile_requests",
                                       fewer, kRepliesASide));
    return;
  }
  const double p_more = stats::mann_whitney(changed[0], changed[1]);
  const double p = stats::mann_whitney(ms[0], ms[1]);
  result.metric("switch_pair_changed_p", p_more, "", n);
  result.metric("switch_pair_p", p, "", n);
  if (more <= 0 || p_more >= kSignificance) {
    result.finding("info", fmt::format("varied words change {:+.1f} experts a token more than a repeated one "
                                       "(Mann-Whitney p = {:.3f}): this pair of sets tells nothing of what "
                                       "switching costs here",
                                       more, p_more));
    return;
  }
  result.finding(
      "info",
      fmt::format("varied words change {:.1f} experts a token more than a repeated one, and their "
                  "tokens take {:+.3f} ms (Mann-Whitney p = {:.3f}, {} replies): {}",
                  more, shift, p, n, p < kSignificance ? "a difference" : "not distinguishable from 0"));
}

/// Steps of replies side by side against the experts that each batch needs.
void batches(const SwitchingReplies& replies, const std::map<std::size_t, Replay>& replays,
             std::int64_t& dropped, ResultBuilder& result) {
  std::vector<experts::AlignedReply> aligned;
  std::vector<RoutingTrace> traces;
  for (std::size_t i = 0; i < replies.beside.size(); ++i) {
    const std::size_t request = replies.request_of[i];
    const auto made = replays.find(request);
    const auto gaps = static_cast<std::int64_t>(replies.beside[i].chunks.size()) - 1;
    // Routing is known of the text alone; a text that parted beside others has another.
    if (made == replays.end() || replies.beside[i].text != replies.alone[request].text) {
      dropped += std::max<std::int64_t>(gaps, 0);
      continue;
    }
    aligned.push_back(experts::align_steps(replies.beside[i], made->second.pieces));
    dropped += aligned.back().dropped;
    traces.push_back(made->second.trace);
  }
  std::map<int, std::vector<experts::BatchStep>> by_batch;
  for (const auto& step : experts::batch_steps(aligned, traces)) by_batch[step.batch].push_back(step);
  record::Table table{"Step time by the sequences of a batch and the experts that it needs",
                      {"sequences", "steps", "distinct experts mean", "ms a step p50"},
                      {},
                      {},
                      "table"};
  stats::Trend slope;
  for (const auto& [batch, steps] : by_batch) {
    std::vector<double> distinct, ms;
    for (const auto& step : steps) distinct.push_back(step.distinct), ms.push_back(step.ms);
    table.rows.push_back({static_cast<double>(batch), static_cast<double>(steps.size()),
                          stats::summarize(distinct).mean, stats::quantile(ms, 0.5)});
    // The largest batch that has enough steps: other batches differ in more than their experts.
    if (batch > 1 && steps.size() >= kStepsMin) slope = stats::theil_sen(distinct, ms);
  }
  if (!table.rows.empty()) result.table(std::move(table));
  if (slope.interval.bounded())
    result.metric("batch_ms_per_distinct_expert", slope.slope, "ms", slope.n, slope.interval);
}

double cache_of_half(const std::map<std::size_t, Replay>& replays, std::uint64_t seed,
                     ResultBuilder& result) {
  std::vector<RoutingTrace> traces;
  for (const auto& [request, made] : replays) traces.push_back(made.trace);
  const auto curves = experts::cache_curves(traces, seed);
  record::Table table{"Hit rate of an expert cache against the experts of a layer that it holds",
                      {"experts held", "LRU", "LRU, shuffled", "LFU", "most used", "best possible"},
                      {},
                      {},
                      "line"};
  const auto experts = static_cast<std::size_t>(traces.front().experts);
  std::int64_t lookups = 0;
  for (const auto& curve : curves) lookups += curve.lookups;
  double half = 0;
  for (std::size_t held = 1; held <= experts; ++held) {
    std::vector<double> row{static_cast<double>(held), 0, 0, 0, 0, 0};
    for (const auto& curve : curves) {
      const double share = 1 / static_cast<double>(curves.size());
      row[1] += share * curve.lru[held];
      row[2] += share * curve.lru_shuffled[held];
      row[3] += share * curve.lfu[held];
      row[4] += share * curve.fixed[held];
      row[5] += share * curve.belady[held];
    }
    if (held == std::max<std::size_t>(experts / 2, 1)) half = row[1];
    table.rows.push_back(std::move(row));
  }
  result.table(std::move(table));
  result.metric("expert_cache_hit_share_lru_half", half, "", lookups);
  return half;
}

}  // namespace

SwitchingReplies time_switching(Rig& rig) {
  SwitchingReplies replies;
  workload::RequestShape shape = rig.request_shape(rig.sizes().profile_tokens);
  if (rig.target().supports(record::Endpoint::Completion)) shape.endpoint = record::Endpoint::Completion;
  const auto session = rig.next_session();
  for (const auto& prompt : workload::switching_prompts(
           2 * static_cast<std::size_t>(rig.sizes().profile_requests), rig.seed("5.2/switching"))) {
    replies.requests.push_back(workload::make_request(prompt, rig.request_ids().next(), session, shape));
    replies.varied.push_back(prompt.id.rfind("varied", 0) == 0);
  }
  auto alone = rig.closed_loop("5.2", {replies.requests});
  if (!alone.lag_valid) replies.lag_reason = alone.lag_reason;
  replies.alone = std::move(alone.outcomes);
  replies.requests.resize(std::min(replies.requests.size(), replies.alone.size()));  // interrupted

  const std::size_t count =
      std::min({kSessionsMax, static_cast<std::size_t>(rig.plan().target.slots), replies.requests.size()});
  if (count < 2 || rig.cancelled()) return replies;
  std::vector<std::vector<record::Request>> sessions(count);
  std::map<base::RequestId, std::size_t> request_of;
  for (std::size_t i = 0; i < replies.requests.size(); ++i) {
    auto request = replies.requests[i];
    request.id = rig.request_ids().next();
    request_of[request.id] = i;
    sessions[i % count].push_back(std::move(request));
  }
  for (auto& requests : sessions) {
    const auto own = rig.next_session();
    for (auto& request : requests) request.session = own;
  }
  auto beside = rig.closed_loop("5.2", std::move(sessions));
  if (!beside.lag_valid) replies.lag_reason = beside.lag_reason;
  replies.beside = std::move(beside.outcomes);
  for (const Outcome& outcome : replies.beside) replies.request_of.push_back(request_of[outcome.request]);
  return replies;
}

std::optional<double> trace_switching(Rig& rig, const SwitchingReplies& replies, ResultBuilder& result) {
  if (!rig.plan().target.url.empty()) {
    result.finding("info",
                   "what expert switching costs needs a replay of the replies by `moestress score`: with "
                   "the server at a URL still up, the model would be in memory twice");
    return std::nullopt;
  }
  rig.stop_target();
  const auto replays = replay(rig, replies);
  if (!replays) {
    if (replays.error().code != base::ErrorCode::Cancelled)
      result.finding("warning",
                     "what expert switching costs is not known, since the replies could not be "
                     "replayed: " +
                         replays.error().message);
    return std::nullopt;
  }
  if (replays->empty()) {
    result.finding("info", "no reply could be replayed, so nothing is known of expert switching");
    return std::nullopt;
  }
  std::int64_t dropped = 0, steps = 0;
  for (const auto& [request, made] : *replays) {
    dropped += made.alone.dropped;
    steps += static_cast<std::int64_t>(made.alone.steps.size());
  }
  regress(*replays, result);
  compare_sets(replies, *replays, result);
  batches(replies, *replays, dropped, result);
  result.metric("switch_steps_dropped", static_cast<double>(dropped), "", steps + dropped);
  if (dropped > 0)
    result.finding(
        "info",
        fmt::format("{} token times are in no figure of switching, since their chunks are no "
                    "single tokens of the replay{}",
                    dropped,
                    rig.facts().random_weights ? ": random weights say what no tokenizer would choose" : ""));
  return cache_of_half(*replays, rig.seed("5.2/cache"), result);
}

}  // namespace moestress::protocol

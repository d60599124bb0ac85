// 2.1 long-form: long replies and continuous generation in one session: decode speed in sliding windows, its
// trend and how it changes along a reply, growth of memory, and degeneration of the text window by window.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "load/latency.h"
#include "load/reply_speed.h"
#include "protocol/failure.h"
#include "protocol/long_form_trends.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "protocol/text_windows.h"
#include "stats/interval.h"
#include "stats/quantile.h"
#include "target/request_body.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

constexpr base::Duration kWindow = std::chrono::seconds(60);  // C1's; a shorter one is never called sustained
constexpr base::Duration kStep = std::chrono::seconds(1);
constexpr int kPromptReserveTokens = 512;
constexpr std::size_t kContinuousBatch = 16;  // requests made ahead
constexpr int kContinuousTokensMin = 256;
/// Pairs of fresh requests that tell what a context as long as the reply costs by itself.
constexpr int kContextPairs = 4;
constexpr int kContextPairTokens = 48;

int longest_of(const plan::TestParameters& sizes) {
  const auto& lengths = sizes.long_form_tokens;
  return lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
}

/// The context that the longest reply needs, within what the model was trained for.
int context_needed(const plan::Plan& plan, const ModelFacts& facts) {
  const int wanted = std::max(plan.target.context_tokens, longest_of(plan.tests) + kPromptReserveTokens);
  const int trained = static_cast<int>(facts.topology.context_tokens);
  return trained > 0 ? std::min(wanted, trained) : wanted;
}

/// The longest reply that fits, with room for the prompt.
int longest_possible(int context) { return context - std::min(kPromptReserveTokens, context / 2); }

void note_what_is_possible(const std::vector<int>& lengths, int context, ResultBuilder& result) {
  for (const int tokens : lengths)
    if (tokens > longest_possible(context))
      result.finding(
          "warning",
          fmt::format("a reply of {} tokens is asked for by the plan; the model was trained for a "
                      "context of {}, so {} were asked for, with {} left for the prompt",
                      tokens, context, longest_possible(context), context - longest_possible(context)));
}

/// All replies of the one session, in order.
struct Replies {
  base::SessionId session;
  std::map<base::RequestId, record::Request> asked;
  std::vector<Outcome> outcomes;
  std::size_t first_continuous = 0;  ///< those from here on are all of one length

  /// False where one failed: the test has, and a dead or refusing server must not be asked without end.
  bool add(load::LoadResult load, ResultBuilder& result) {
    if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
    const bool failed = std::any_of(load.outcomes.begin(), load.outcomes.end(),
                                    [](const Outcome& outcome) { return !outcome.ok(); });
    std::move(load.outcomes.begin(), load.outcomes.end(), std::back_inserter(outcomes));
    return !failed;
  }
};

record::Request long_request(Rig& rig, Replies& replies, int tokens, int context) {
  const std::size_t turn = replies.asked.size();
  workload::RequestShape shape = rig.request_shape(std::min(tokens, longest_possible(context)));
  // Greedy long texts of small models loop by themselves (Holtzman et al. 2020, arXiv 1904.09751): that would
  // say nothing of the server. Users sample.
  shape.sampling.temperature = 0.8;
  shape.sampling.top_p = 0.95;
  shape.sampling.seed = rig.seed(fmt::format("2.1/{}", turn));
  const auto set = rig.prompts().of(workload::Domain::Creative);
  auto request =
      workload::make_request(set[turn % set.size()], rig.request_ids().next(), replies.session, shape);
  replies.asked.emplace(request.id, request);
  return request;
}

/// Asks again as soon as it is answered, until the time is up. In batches, since how many replies fit into
/// the time is the target's affair.
void generate_continuously(Rig& rig, Replies& replies, int tokens, int context, ResultBuilder& result) {
  const base::Duration end = rig.now() + base::from_seconds(rig.sizes().long_form_seconds);
  replies.first_continuous = replies.outcomes.size();
  bool sound = true;
  while (sound && rig.now() < end && !rig.cancelled() && rig.has_target() && !rig.target().death()) {
    std::vector<record::Request> batch;
    for (std::size_t i = 0; i < kContinuousBatch; ++i)
      batch.push_back(long_request(rig, replies, tokens, context));
    sound = replies.add(rig.closed_loop("2.1", {std::move(batch)}, end - rig.now()), result);
  }
}

void note_windows(const std::vector<load::WindowSpeed>& windows, ResultBuilder& result) {
  std::vector<double> speeds;
  record::Table table{"Decode speed in sliding 60 s windows", {"seconds", "tok/s"}, {}, {}, "line"};
  for (const auto& window : windows) {
    speeds.push_back(window.tok_s);
    table.rows.push_back({base::to_seconds(window.end), window.tok_s});
  }
  const auto n = static_cast<std::int64_t>(windows.size());
  result.metric("decode_tok_s_min", *std::min_element(speeds.begin(), speeds.end()), "tok/s", n);
  result.metric("decode_tok_s_p5", stats::quantile(speeds, 0.05), "tok/s", n);
  result.metric("decode_tok_s_median", stats::quantile(speeds, 0.5), "tok/s", n);
  result.table(std::move(table));
}

/// What a context of a reply's length costs by itself: fresh requests whose prompts are as long as the reply
/// is in the middle of its first and of its last third. Change of decode speed between the two, in per cent.
std::vector<double> change_by_context(Rig& rig, int prompt, int reply, ResultBuilder& result) {
  std::vector<record::Request> requests;
  workload::RequestShape shape = rig.request_shape(std::min(kContextPairTokens, std::max(16, reply / 6)));
  const auto session = rig.next_session();
  for (int i = 0; i < 2 * kContextPairs; ++i) {
    const int tokens = prompt + (i % 2 == 0 ? reply / 6 : reply * 5 / 6) - shape.max_tokens / 2;
    const workload::Prompt filler{"filler", workload::Domain::Documentation,
                                  rig.facts().filler_text(std::max(1, tokens), rig.seed("2.1/filler"))};
    requests.push_back(workload::make_request(filler, rig.request_ids().next(), session, shape));
    requests.back().label = "context of a long reply";
  }
  const auto load = rig.closed_loop("2.1", {std::move(requests)});
  std::vector<double> speeds, changes;
  for (const Outcome& outcome : load.outcomes) {
    if (const auto failure = failure_of(outcome)) result.judge(Verdict::Fail, "a request " + *failure);
    speeds.push_back(load::decode_tok_s(outcome).value_or(std::nan("")));
  }
  for (std::size_t i = 0; i + 1 < speeds.size(); i += 2)
    if (speeds[i] > 0 && speeds[i + 1] > 0) changes.push_back(100 * (speeds[i + 1] / speeds[i] - 1));
  return changes;
}

/// Whether replies get slower towards their end, and by more than their growing context explains.
void judge_decay(Rig& rig, const std::vector<Outcome>& outcomes, double limit, ResultBuilder& result) {
  std::vector<double> changes, prompts, replies;
  for (const Outcome& outcome : outcomes) {
    const auto speed = load::reply_speed(outcome);
    if (!speed) continue;
    changes.push_back(speed->change_percent());
    prompts.push_back(static_cast<double>(outcome.prompt_tokens));
    replies.push_back(static_cast<double>(outcome.completion_tokens));
  }
  if (changes.empty()) return;
  const auto interval = stats::mean_interval(changes);
  const auto n = static_cast<std::int64_t>(changes.size());
  const double mean = stats::summarize(changes).mean;
  result.metric("decode_tok_s_change_in_reply_percent", mean, "%", n, interval);
  if (!(interval.hi < -limit) || rig.cancelled() || !rig.has_target() || rig.target().death()) return;
  const auto alone = change_by_context(rig, static_cast<int>(stats::quantile(prompts, 0.5)),
                                       static_cast<int>(stats::quantile(replies, 0.5)), result);
  const auto by_context = stats::mean_interval(alone);
  const double explained = stats::summarize(alone).mean;
  result.metric("decode_tok_s_change_by_context_percent", explained, "%",
                static_cast<std::int64_t>(alone.size()), by_context);
  const std::string text = fmt::format(
      "the last third of a reply is decoded {:.1f} % slower than the first (95 % interval {:.1f} to {:.1f} "
      "%, {} "
      "replies)",
      -mean, -interval.hi, -interval.lo, n);
  if (!by_context.bounded())
    result.judge(Verdict::Inconclusive,
                 text + "; how much of it a context of that length costs could not be measured");
  else if (interval.hi < by_context.lo - limit)
    result.judge(Verdict::Fail,
                 text + fmt::format(": a context of that length explains {:.1f} %", -explained));
  else
    result.finding("info",
                   text + fmt::format(", of which a context of that length explains {:.1f} %", -explained));
}

void judge_text(const Rig& rig, const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  record::Table table{fmt::format("Text in windows of {} tokens", kTextWindowTokens),
                      {"seconds", "diversity", "distinct-2", "rep-4", "compression ratio"},
                      {},
                      {},
                      "line"};
  std::vector<std::vector<double>> replies;
  std::vector<double> seconds, diversity, compression, rep4;
  std::int64_t loops = 0;
  for (const Outcome& outcome : outcomes) {
    const auto windows = text_windows(rig.facts(), outcome);
    replies.emplace_back();
    for (const TextWindow& window : windows) {
      const auto& figures = window.figures;
      replies.back().push_back(figures.diversity);
      compression.push_back(figures.compression_ratio);
      rep4.push_back(figures.rep4);
      table.rows.push_back({base::to_seconds(window.at), figures.diversity, figures.distinct2, figures.rep4,
                            figures.compression_ratio});
    }
    if (!replies.back().empty()) {
      seconds.push_back(base::to_seconds(windows.back().at));
      diversity.push_back(stats::summarize(replies.back()).mean);
    }
    const int period = loop_in_reply(rig.facts(), outcome, windows);
    loops += period > 0 ? 1 : 0;
    if (period > 0)
      result.judge(Verdict::Fail, fmt::format("the text of request {} runs into a loop of {} tokens",
                                              outcome.request.value, period));
  }
  result.metric("text_loops", static_cast<double>(loops), "", static_cast<std::int64_t>(outcomes.size()));
  const auto n = static_cast<std::int64_t>(table.rows.size());
  if (n > 0) {
    result.metric("text_diversity_mean", stats::summarize(diversity).mean, "",
                  static_cast<std::int64_t>(diversity.size()), stats::mean_interval(diversity));
    result.metric("text_compression_ratio_p50", stats::quantile(compression, 0.5), "", n);
    result.metric("text_rep4_p50", stats::quantile(rep4, 0.5), "", n);
    result.table(std::move(table));
  }
  judge_text_along_replies(replies, result);
  judge_text_over_run(seconds, diversity, result);
}

/// A reply that is shorter than asked for. Where the server can't be told to go on after the model's own end,
/// that end is no fault.
void judge_lengths(Rig& rig, const Replies& replies, ResultBuilder& result) {
  if (!rig.has_target()) return;
  for (const Outcome& outcome : replies.outcomes) {
    const auto found = replies.asked.find(outcome.request);
    if (found == replies.asked.end() || !outcome.ok()) continue;
    const record::Request& request = found->second;
    if (outcome.completion_tokens >= request.max_tokens * 9 / 10) continue;
    const auto dropped = target::dropped_settings(rig.target().dialect(), request);
    const bool may_end = std::find(dropped.begin(), dropped.end(), "ignore_eos") != dropped.end();
    const std::string text =
        fmt::format("{} tokens were asked for, {} came (finish reason {})", request.max_tokens,
                    outcome.completion_tokens, base::printable(outcome.finish_reason, 40));
    if (may_end && outcome.finish_reason == "stop")
      result.judge(Verdict::Inconclusive,
                   text + ": the model ended by itself, and this server can't be told to go on after that");
    else
      result.judge(Verdict::Fail, text);
  }
}

}  // namespace

record::TestResult test_2_1_long_form(Rig& rig) {
  ResultBuilder result;
  const auto& lengths = rig.sizes().long_form_tokens;
  const int context = context_needed(rig.plan(), rig.facts());
  if (const auto status = rig.ensure_target(context); !status) {
    result.judge(Verdict::Fail, status.error().message);
    return result.take();
  }
  note_what_is_possible(lengths, context, result);
  const base::Duration began = rig.now();
  Replies replies;
  replies.session = rig.next_session();
  std::vector<record::Request> requests;
  for (const int tokens : lengths) requests.push_back(long_request(rig, replies, tokens, context));
  const bool sound = replies.add(rig.closed_loop("2.1", {std::move(requests)}), result);
  if (sound)
    generate_continuously(rig, replies, std::max(longest_of(rig.sizes()), kContinuousTokensMin), context,
                          result);
  const double seconds = base::to_seconds(rig.now() - began);
  const auto memory = rig.memory_since(began);

  const std::vector<Outcome>& outcomes = replies.outcomes;
  std::int64_t tokens = 0, longest_came = 0;
  for (const Outcome& outcome : outcomes) {
    tokens += std::max<std::int64_t>(0, outcome.completion_tokens);
    longest_came = std::max(longest_came, outcome.completion_tokens);
    if (const auto failure = failure_of(outcome)) result.judge(Verdict::Fail, "a reply " + *failure);
  }
  judge_lengths(rig, replies, result);
  result.metrics(load::latency_metrics(outcomes));
  result.metric("generating_seconds", seconds, "s", static_cast<std::int64_t>(outcomes.size()));
  result.metric("completion_tokens_max", static_cast<double>(longest_came), "",
                static_cast<std::int64_t>(outcomes.size()));
  const double limit = rig.plan().thresholds.c3_speed_trend_percent_max;
  if (const auto windows = load::window_speeds(outcomes, kWindow, kStep); !windows.empty())
    note_windows(windows, result);
  else
    result.finding("info", "shorter than one window of 60 s: no sustained speed");
  const std::vector<Outcome> continuous(
      outcomes.begin() + static_cast<std::ptrdiff_t>(replies.first_continuous), outcomes.end());
  // Of replies of one length: a longer one is slower by its context alone.
  judge_speed_trend(load::window_speeds(continuous.empty() ? outcomes : continuous, kWindow, kStep), limit,
                    result);
  judge_memory_trend(memory, rig.plan().thresholds, result);
  if (rig.facts().random_weights)
    result.finding("info", "random weights: degeneration of the text is not looked at");
  else
    judge_text(rig, outcomes, result);
  judge_decay(rig, outcomes, limit, result);  // last: it may ask for more
  result.judge(Verdict::Pass,
               fmt::format("{} tokens in {} replies of up to {} tokens over {}, none broken off", tokens,
                           outcomes.size(), longest_came, base::human_seconds(seconds)));
  return result.take();
}

Work work_2_1(const WorkInput& input) {
  const int context = context_needed(input.plan, input.facts);
  Work work;
  for (const int length : input.plan.tests.long_form_tokens) {
    work.requests += 1;
    work.reply_tokens += std::min(length, longest_possible(context));
  }
  work.prompt_tokens = std::llround(static_cast<double>(work.requests) * mean_prompt_tokens(input, 0));
  work.seconds = input.plan.tests.long_form_seconds;
  // There and back again to the context that the other tests are served with.
  if (context != input.plan.target.context_tokens) work.starts = 2;
  return work;
}

}  // namespace moestress::protocol

// 2.1 long-form: long replies and continuous generation in one session: decode speed in sliding windows, its
// trend and how it changes along a reply, growth of memory, and degeneration of the text window by window.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/text.h"
#include "load/latency.h"
#include "load/reply_speed.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "protocol/text_windows.h"
#include "stats/quantile.h"
#include "stats/trend.h"
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
constexpr std::size_t kTrendPointsMin = 6;  // what bounds a Theil-Sen slope
/// Diversity runs from 0 to 1; prose has some 0.85 in a window, a text that goes round in circles under 0.4.
constexpr double kDiversityDropMax = 0.2;
/// Pairs of fresh requests that tell what a context as long as the reply costs by itself.
constexpr int kContextPairs = 4;
constexpr int kContextPairTokens = 48;
/// Growth that is a leak is worth its name: an allocator may well take this once.
constexpr double kLeakBytesMin = 8e6;

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

/// The trend over windows of replies of one length: a longer reply is slower by its context alone.
void judge_trend(const std::vector<Outcome>& outcomes, double limit, ResultBuilder& result) {
  const auto windows = load::window_speeds(outcomes, kWindow, kStep);
  // Windows overlap; every sixtieth is independent of the one before.
  std::vector<double> x, y;
  for (std::size_t i = 0; i < windows.size(); i += 60) {
    x.push_back(base::to_seconds(windows[i].end) / 3600);
    y.push_back(windows[i].tok_s);
  }
  const auto trend = stats::theil_sen(x, y);
  const double median = stats::quantile(y, 0.5);
  if (!trend.interval.bounded() || !(median > 0)) {
    result.undecided("the trend of the speed",
                     fmt::format("{} windows of 60 s side by side, it takes {}", x.size(), kTrendPointsMin));
    return;
  }
  const double over = 100 * (x.back() - x.front()) / median;  // per cent over the whole test
  const stats::Interval interval{trend.interval.lo * over, trend.interval.hi * over};
  result.metric("decode_tok_s_trend_percent", trend.slope * over, "%", trend.n, interval);
  if (interval.hi < -limit)
    result.judge(
        Verdict::Fail,
        fmt::format("decode speed falls by {:.1f} % over the test (95 % interval {:.1f} to {:.1f} %, {} "
                    "windows of 60 s), more than {:g} %",
                    -trend.slope * over, -interval.hi, -interval.lo, trend.n, limit));
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

void judge_memory(const Rig& rig, const std::vector<record::ProcessSample>& samples, ResultBuilder& result) {
  std::vector<double> hours, bytes;
  // One sample a second at most: neighbours at 10 Hz are the same measurement.
  base::Duration last{-1};
  for (const auto& sample : samples) {
    if (last.count() >= 0 && sample.at - last < std::chrono::seconds(1)) continue;
    last = sample.at;
    hours.push_back(base::to_seconds(sample.at) / 3600);
    bytes.push_back(static_cast<double>(sample.private_bytes()));
  }
  // The first quarter is warm-up: buffers and pools are used for the first time.
  const auto warm = static_cast<std::ptrdiff_t>(bytes.size() / 4);
  hours.erase(hours.begin(), hours.begin() + warm);
  bytes.erase(bytes.begin(), bytes.begin() + warm);
  const auto trend = stats::theil_sen(hours, bytes);
  if (!trend.interval.bounded()) return;
  result.metric("private_bytes_per_hour", trend.slope, "bytes/h", trend.n, trend.interval);
  const double grown = trend.interval.lo * (hours.back() - hours.front());
  const double matters = std::max(
      kLeakBytesMin, rig.plan().thresholds.c3_slope_percent_per_h_max / 100 * stats::quantile(bytes, 0.5));
  if (trend.interval.lo > rig.plan().thresholds.c3_slope_bytes_per_h_max && grown > matters)
    result.judge(
        Verdict::Fail,
        fmt::format("private memory grows by {}/h while it generates (95 % interval {} to {}, {} samples "
                    "after warm-up), by {} in this test",
                    base::human_bytes(trend.slope), base::human_bytes(trend.interval.lo),
                    base::human_bytes(trend.interval.hi), trend.n, base::human_bytes(grown)));
}

/// How diversity changes from the first third of a reply's windows to the last; replies are the samples.
void judge_text_along_replies(const std::vector<std::vector<double>>& replies, ResultBuilder& result) {
  std::vector<double> changes;
  stats::Interval interval;
  for (const auto& diversity : replies) {
    if (diversity.size() < 3) continue;
    const std::size_t third = diversity.size() / 3;
    const std::span<const double> all(diversity);
    changes.push_back(stats::summarize(all.last(third)).mean - stats::summarize(all.first(third)).mean);
  }
  interval = stats::mean_interval(changes);
  auto n = static_cast<std::int64_t>(changes.size());
  double change = stats::summarize(changes).mean;
  if (changes.size() < 3) {  // few replies, but perhaps one of many windows
    const auto longest = std::max_element(replies.begin(), replies.end(),
                                          [](const auto& a, const auto& b) { return a.size() < b.size(); });
    if (longest == replies.end() || longest->size() < kTrendPointsMin) {
      result.undecided(
          "the trend of the text along a reply",
          fmt::format("too few windows of {} tokens; it takes 3 replies of {} tokens, or one of {}",
                      kTextWindowTokens, 3 * kTextWindowTokens, kTrendPointsMin * kTextWindowTokens));
      return;
    }
    std::vector<double> x;
    for (std::size_t i = 0; i < longest->size(); ++i) x.push_back(static_cast<double>(i));
    const auto trend = stats::theil_sen(x, *longest);
    const double span = x.back();
    interval = {trend.interval.lo * span, trend.interval.hi * span};
    change = trend.slope * span;
    n = trend.n;
  }
  result.metric("text_diversity_change_in_reply", change, "", n, interval);
  if (interval.hi < -kDiversityDropMax)
    result.judge(Verdict::Fail,
                 fmt::format("the text degenerates: its diversity falls by {:.2f} along a reply (95 % "
                             "interval {:.2f} to {:.2f}, n = {}), more than {:g}",
                             -change, -interval.hi, -interval.lo, n, kDiversityDropMax));
}

/// How the replies' diversity changes over the test; replies are the samples.
void judge_text_over_run(const std::vector<double>& seconds, const std::vector<double>& diversity,
                         ResultBuilder& result) {
  const auto trend = stats::theil_sen(seconds, diversity);
  if (!trend.interval.bounded()) return;
  const double span = seconds.back() - seconds.front();
  const stats::Interval interval{trend.interval.lo * span, trend.interval.hi * span};
  result.metric("text_diversity_change_over_run", trend.slope * span, "", trend.n, interval);
  if (interval.hi < -kDiversityDropMax)
    result.judge(Verdict::Fail,
                 fmt::format("the text degenerates: its diversity falls by {:.2f} over the test (95 % "
                             "interval {:.2f} to {:.2f}, {} replies), more than {:g}",
                             -trend.slope * span, -interval.hi, -interval.lo, trend.n, kDiversityDropMax));
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
  judge_trend(continuous.empty() ? outcomes : continuous, limit, result);
  judge_memory(rig, memory, result);
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

// 2.1 long-form: long replies and continuous generation in one session: decode speed in sliding windows, its
// trend, the slope of memory, and degeneration of the text.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "load/latency.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "quality/degeneration.h"
#include "stats/quantile.h"
#include "stats/trend.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

constexpr base::Duration kWindow = std::chrono::seconds(60);  // C1's; a shorter one is never called sustained
constexpr base::Duration kStep = std::chrono::seconds(1);
constexpr int kPromptReserveTokens = 512;
constexpr std::size_t kContinuousBatch = 16;  // requests made ahead

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

int tokens_that_fit(int tokens, int context) {
  return std::min(tokens, context - std::min(kPromptReserveTokens, context / 2));
}

record::Request long_request(Rig& rig, int tokens, int context, std::size_t turn) {
  workload::RequestShape shape = rig.request_shape(tokens_that_fit(tokens, context));
  // Greedy long texts of small models loop by themselves (Holtzman et al. 2020, arXiv 1904.09751): that would
  // say nothing of the server. Users sample.
  shape.sampling.temperature = 0.8;
  shape.sampling.top_p = 0.95;
  shape.sampling.seed = rig.seed(fmt::format("2.1/{}", turn));
  const auto set = rig.prompts().of(workload::Domain::Creative);
  return workload::make_request(set[turn % set.size()], rig.request_ids().next(), rig.next_session(), shape);
}

/// One session that asks again as soon as it is answered, until the time is up. In batches, since how many
/// replies fit into the time is the target's affair.
void generate_continuously(Rig& rig, int tokens, int context, std::vector<Outcome>& outcomes,
                           ResultBuilder& result) {
  const base::Duration end = rig.now() + base::from_seconds(rig.sizes().long_form_seconds);
  std::size_t turn = rig.sizes().long_form_tokens.size();
  while (rig.now() < end && !rig.cancelled() && rig.has_target() && !rig.target().death()) {
    std::vector<record::Request> batch;
    for (std::size_t i = 0; i < kContinuousBatch; ++i)
      batch.push_back(long_request(rig, tokens, context, turn++));
    auto load = rig.closed_loop("2.1", {std::move(batch)}, end - rig.now());
    if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
    const bool failed = std::any_of(load.outcomes.begin(), load.outcomes.end(),
                                    [](const Outcome& outcome) { return !outcome.ok(); });
    std::move(load.outcomes.begin(), load.outcomes.end(), std::back_inserter(outcomes));
    if (failed) break;  // the test has failed; a dead or refusing server must not be asked without end
  }
}

void note_speed(const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  const auto windows = load::window_speeds(outcomes, kWindow, kStep);
  if (windows.empty()) {
    result.finding("info", "shorter than one window of 60 s: no sustained speed");
    return;
  }
  std::vector<double> hours, speeds;
  record::Table table{"Decode speed in sliding 60 s windows", {"seconds", "tok/s"}, {}, {}, "line"};
  for (const auto& window : windows) {
    hours.push_back(base::to_seconds(window.end) / 3600);
    speeds.push_back(window.tok_s);
    table.rows.push_back({base::to_seconds(window.end), window.tok_s});
  }
  const auto n = static_cast<std::int64_t>(windows.size());
  result.metric("decode_tok_s_min", *std::min_element(speeds.begin(), speeds.end()), "tok/s", n);
  result.metric("decode_tok_s_p5", stats::quantile(speeds, 0.05), "tok/s", n);
  const double median = stats::quantile(speeds, 0.5);
  result.metric("decode_tok_s_median", median, "tok/s", n);
  // Windows overlap; every sixtieth is independent of the one before.
  std::vector<double> x, y;
  for (std::size_t i = 0; i < speeds.size(); i += 60) {
    x.push_back(hours[i]);
    y.push_back(speeds[i]);
  }
  const auto trend = stats::theil_sen(x, y);
  if (trend.interval.bounded() && median > 0) {
    const double over = 100 * (x.back() - x.front()) / median;  // per cent over the whole test
    result.metric("decode_tok_s_trend_percent", trend.slope * over, "%", trend.n,
                  stats::Interval{trend.interval.lo * over, trend.interval.hi * over});
  }
  result.table(std::move(table));
}

void note_memory(const std::vector<record::ProcessSample>& samples, ResultBuilder& result) {
  std::vector<double> hours, bytes;
  // One sample a second at most: neighbours at 10 Hz are the same measurement.
  base::Duration last{-1};
  for (const auto& sample : samples) {
    if (last.count() >= 0 && sample.at - last < std::chrono::seconds(1)) continue;
    last = sample.at;
    hours.push_back(base::to_seconds(sample.at) / 3600);
    bytes.push_back(static_cast<double>(sample.private_bytes()));
  }
  const auto trend = stats::theil_sen(hours, bytes);
  if (trend.interval.bounded())
    result.metric("private_bytes_per_hour", trend.slope, "bytes/h", trend.n, trend.interval);
}

void note_text(const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  std::string text;
  for (const Outcome& outcome : outcomes) {
    const auto degeneration = quality::degeneration(outcome.text);
    if (degeneration.looping)
      result.judge(Verdict::Fail, fmt::format("the text of request {} ends in a loop of period {}",
                                              outcome.request.value, degeneration.loop_period));
    text += outcome.text;
  }
  const auto whole = quality::degeneration(text);
  const auto n = static_cast<std::int64_t>(outcomes.size());
  result.metric("text_diversity", whole.diversity, "", n);
  result.metric("text_rep4", whole.rep4, "", n);
  result.metric("text_distinct2", whole.distinct2, "", n);
  result.metric("text_compression_ratio", whole.compression_ratio, "", n);
}

}  // namespace

record::TestResult test_2_1_long_form(Rig& rig) {
  ResultBuilder result;
  const auto& lengths = rig.sizes().long_form_tokens;
  const int longest = longest_of(rig.sizes());
  const int context = context_needed(rig.plan(), rig.facts());
  if (const auto status = rig.ensure_target(context); !status) {
    result.judge(Verdict::Fail, status.error().message);
    return result.take();
  }
  const base::Duration began = rig.now();
  std::vector<record::Request> requests;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    requests.push_back(long_request(rig, lengths[i], context, i));
  auto load = rig.closed_loop("2.1", {requests});
  if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
  std::vector<Outcome> outcomes = std::move(load.outcomes);
  generate_continuously(rig, std::max(longest, 256), context, outcomes, result);

  std::int64_t tokens = 0;
  for (const Outcome& outcome : outcomes) {
    tokens += std::max<std::int64_t>(0, outcome.completion_tokens);
    if (const auto failure = failure_of(outcome)) result.judge(Verdict::Fail, "a reply " + *failure);
  }
  for (std::size_t i = 0; i < requests.size() && i < outcomes.size(); ++i)
    if (outcomes[i].ok() && outcomes[i].completion_tokens < requests[i].max_tokens * 9 / 10)
      result.judge(Verdict::Fail, fmt::format("{} tokens were asked for, {} came (finish reason {})",
                                              requests[i].max_tokens, outcomes[i].completion_tokens,
                                              base::printable(outcomes[i].finish_reason, 40)));
  const double seconds = base::to_seconds(rig.now() - began);
  result.metrics(load::latency_metrics(outcomes));
  result.metric("generating_seconds", seconds, "s", static_cast<std::int64_t>(outcomes.size()));
  note_speed(outcomes, result);
  note_memory(rig.memory_since(began), result);
  if (rig.facts().random_weights)
    result.finding("info", "random weights: degeneration of the text is not looked at");
  else
    note_text(outcomes, result);
  result.judge(Verdict::Pass, fmt::format("{} tokens in {} replies over {}, none broken off", tokens,
                                          outcomes.size(), base::human_seconds(seconds)));
  return result.take();
}

Work work_2_1(const WorkInput& input) {
  const int context = context_needed(input.plan, input.facts);
  const auto& lengths = input.plan.tests.long_form_tokens;
  Work work;
  for (const int length : lengths) {
    work.requests += 1;
    work.reply_tokens += tokens_that_fit(length, context);
  }
  work.prompt_tokens = std::llround(static_cast<double>(work.requests) * mean_prompt_tokens(input, 0));
  work.seconds = input.plan.tests.long_form_seconds;
  // There and back again to the context that the other tests are served with.
  if (context != input.plan.target.context_tokens) work.starts = 2;
  return work;
}

}  // namespace moestress::protocol

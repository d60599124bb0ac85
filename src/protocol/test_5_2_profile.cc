// 5.2 profile: TTFT and the distribution of inter-token latency in one session, speed against context length,
// open-loop latency, processor and device use, what expert switching costs, measured memory bandwidth, the
// share of this placement's roofline that is reached, and the bottleneck by name.
//
// It fails for what a user alone on the server would be hit by: a request that fails, a stream that stalls,
// tokens whose time grows faster than the context, and a server whose own timings are not what happens.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "gguf/prediction.h"
#include "gguf/roofline.h"
#include "load/claims.h"
#include "load/latency.h"
#include "probe/bandwidth.h"
#include "protocol/bottleneck.h"
#include "protocol/failure.h"
#include "protocol/profile_switching.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "protocol/utilisation.h"
#include "stats/fit.h"
#include "stats/quantile.h"
#include "workload/arrivals.h"

namespace moestress::protocol {
namespace {

using base::Duration;
using record::Outcome;
using record::Verdict;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
/// A gap between chunks this many times the median, and this much longer, is a stall …
constexpr double kStallFactor = 10;
constexpr double kStallMsMin = 100;
/// … and a stream with surely more of them than this is one that stalls: its ITL p99 is a stall.
constexpr double kStallShareMax = 0.01;
/// Attention makes token time grow with the context, on a line. A quadratic part that surely adds this share
/// to what the line gives at the longest context is decay.
constexpr double kDecayShareMax = 0.5;
constexpr std::size_t kDecayLengthsMin = 4;
/// Steps whose median is one point of the fit.
constexpr std::size_t kStepsOfPoint = 4;
/// Claimed times over ours: a server can't need longer than we waited, beyond rounding; and where it accounts
/// for less than half of the TTFT, or 80 % of the decoding, its figures say little of what its users get.
constexpr double kClaimMax = 1.1;
constexpr double kClaimTtftMin = 0.5;
constexpr double kClaimDecodeMin = 0.8;

bool note_failures(const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  for (const Outcome& outcome : outcomes)
    if (const auto failure = failure_of(outcome)) {
      result.judge(Verdict::Fail, "a request " + base::printable(*failure));
      return true;
    }
  return false;
}

/// What our own client held up is no fault of the server: nothing is then said of stalls, decay or claims.
void note_lag(const std::string& reason, BottleneckEvidence& evidence, ResultBuilder& result) {
  evidence.client_lagged = true;
  result.judge(Verdict::Invalid, reason);
}

std::vector<Outcome> profile_one_session(Rig& rig, BottleneckEvidence& evidence, ResultBuilder& result) {
  const workload::RequestShape shape = rig.request_shape(rig.sizes().profile_tokens);
  // One request warms up: shaders are compiled and pages touched by the first.
  auto requests =
      workload::mixed_requests(static_cast<std::size_t>(rig.sizes().profile_requests) + 1, rig.request_ids(),
                               rig.next_session(), shape, rig.seed("5.2/profile"));
  const UtilisationWatch watch(rig);
  auto load = rig.closed_loop("5.2", {std::move(requests)});
  watch.conclude(load.outcomes, evidence, result);
  if (!load.lag_valid) note_lag(load.lag_reason, evidence, result);
  note_failures(load.outcomes, result);
  if (!load.outcomes.empty()) load.outcomes.erase(load.outcomes.begin());
  result.metrics(load::latency_metrics(load.outcomes));
  result.metric("client_lag_ms_p99", load.lag.ms_p99, "ms", load.lag.n);
  return std::move(load.outcomes);
}

/// What measuring bandwidth takes: a second for each of its two loops, and their set-up.
constexpr double kBandwidthSeconds = 2.5;

int open_loop_tokens(const plan::TestParameters& sizes) { return std::max(8, sizes.profile_tokens / 2); }

/// Step times against the tokens in the cache, several steps a point.
struct ContextSteps {
  std::vector<double> tokens;
  std::vector<double> ms;
  std::size_t lengths = 0;

  void add(const Outcome& outcome) {
    const double span_tokens = static_cast<double>(outcome.completion_tokens - 1);
    if (span_tokens < 1 || outcome.chunks.size() < 2) return;
    ++lengths;
    // Chunks of several tokens take several steps.
    const double tokens_a_chunk = span_tokens / static_cast<double>(outcome.chunks.size() - 1);
    for (std::size_t i = 1; i + kStepsOfPoint <= outcome.chunks.size(); i += kStepsOfPoint) {
      std::vector<double> gaps;
      for (std::size_t j = i; j < i + kStepsOfPoint; ++j)
        gaps.push_back(base::to_ms(outcome.chunks[j].at - outcome.chunks[j - 1].at) / tokens_a_chunk);
      tokens.push_back(static_cast<double>(outcome.prompt_tokens) + static_cast<double>(i) * tokens_a_chunk);
      ms.push_back(stats::quantile(gaps, 0.5));
    }
  }
};

void judge_decay(const ContextSteps& steps, ResultBuilder& result) {
  const auto line = stats::linear_fit(steps.tokens, steps.ms);
  if (line)
    result.metric("decode_ms_per_1000_context_tokens", 1000 * line->slope, "ms", line->n,
                  stats::Interval{1000 * line->slope_interval.lo, 1000 * line->slope_interval.hi});
  const auto curve = stats::quadratic_fit(steps.tokens, steps.ms);
  if (steps.lengths < kDecayLengthsMin || !curve || !curve->c_interval.bounded()) {
    result.undecided("whether token time grows faster than the context",
                     fmt::format("it takes {} lengths, {} were measured (profile_context_lengths)",
                                 kDecayLengthsMin, steps.lengths));
    return;
  }
  const double longest = *std::max_element(steps.tokens.begin(), steps.tokens.end());
  const double linear = std::max(curve->a + curve->b * longest, 0.0);
  result.metric("decode_ms_quadratic", curve->c, "ms/token²", curve->n, curve->c_interval);
  if (curve->c_interval.lo > 0 && curve->c_interval.lo * longest * longest > kDecayShareMax * linear)
    result.judge(
        Verdict::Fail,
        fmt::format("token time grows faster than the context: at {:.0f} tokens the quadratic part is "
                    "{:.1f} ms (at least {:.1f}) beside {:.1f} ms on the line",
                    longest, curve->c * longest * longest, curve->c_interval.lo * longest * longest, linear));
}

std::vector<Outcome> profile_contexts(Rig& rig, ContextSteps& steps, BottleneckEvidence& evidence,
                                      ResultBuilder& result) {
  record::Table table{"Speed against context length",
                      {"prompt tokens", "prefill tok/s", "decode tok/s", "TTFT ms"},
                      {},
                      {},
                      "line"};
  const int room = room_for_prompt(rig.plan(), rig.sizes().profile_tokens);
  std::vector<Outcome> outcomes;
  for (const int length : rig.sizes().profile_context_lengths) {
    if (rig.cancelled()) return outcomes;
    if (length > room) {
      result.finding("info",
                     fmt::format("a prompt of {} tokens does not fit a context of {}; raise context_tokens",
                                 length, rig.plan().target.context_tokens));
      continue;
    }
    const workload::RequestShape shape = rig.request_shape(rig.sizes().profile_tokens);
    const workload::Prompt prompt{fmt::format("filler-{}", length), workload::Domain::Documentation,
                                  rig.facts().filler_text(length, rig.seed("5.2/filler"))};
    auto request = workload::make_request(prompt, rig.request_ids().next(), rig.next_session(), shape);
    request.label = fmt::format("context {}", length);
    auto load = rig.closed_loop("5.2", {{std::move(request)}});
    if (!load.lag_valid) note_lag(load.lag_reason, evidence, result);
    if (load.outcomes.empty() || note_failures(load.outcomes, result)) continue;
    const Outcome& outcome = load.outcomes.front();
    const double ttft_s = base::to_seconds(outcome.first_text - outcome.sent);
    const double prompt_tokens = static_cast<double>(outcome.prompt_tokens);
    table.rows.push_back({prompt_tokens, prompt_tokens > 0 && ttft_s > 0 ? prompt_tokens / ttft_s : kNan,
                          load::decode_tok_s(outcome).value_or(kNan), ttft_s * 1000});
    steps.add(outcome);
    outcomes.push_back(std::move(load.outcomes.front()));
  }
  result.table(std::move(table));
  return outcomes;
}

/// Requests that come when they come: what users would feel.
void profile_open_loop(Rig& rig, BottleneckEvidence& evidence, ResultBuilder& result) {
  const auto count = static_cast<std::size_t>(rig.sizes().open_loop_requests);
  if (count == 0 || rig.sizes().open_loop_rate_per_s <= 0) return;
  const workload::RequestShape shape = rig.request_shape(open_loop_tokens(rig.sizes()));
  auto requests = workload::mixed_requests(count, rig.request_ids(), rig.next_session(), shape,
                                           rig.seed("5.2/open loop"));
  const auto starts = workload::arrivals(workload::ArrivalKind::Poisson, rig.sizes().open_loop_rate_per_s,
                                         count, rig.seed("5.2/arrivals"));
  for (std::size_t i = 0; i < count; ++i) requests[i].planned_start = starts[i];
  load::LoadResult load;
  // Taken again, twice, if our own client lagged: that says nothing of the server.
  for (int time = 0; time < 3 && (time == 0 || !load.lag_valid) && !rig.cancelled(); ++time) {
    for (auto& request : requests) request.id = rig.request_ids().next();
    load = rig.open_loop("5.2", requests);
    note_failures(load.outcomes, result);
  }
  if (!load.lag_valid) note_lag(load.lag_reason, evidence, result);
  const auto figures = load::latency_figures(load.outcomes);
  const auto n = static_cast<std::int64_t>(figures.ttft_ms.size());
  if (n == 0) return;
  result.metric("open_loop_ttft_ms_p50", stats::quantile(figures.ttft_ms, 0.5), "ms", n);
  result.metric("open_loop_ttft_ms_p90", stats::quantile(figures.ttft_ms, 0.9), "ms", n);
  result.metric("open_loop_e2e_ms_p50", stats::quantile(figures.e2e_ms, 0.5), "ms", n);
}

void judge_stalls(const std::vector<Outcome>& alone, ResultBuilder& result) {
  const auto gaps = load::latency_figures(alone).itl_ms;
  if (gaps.empty()) return;
  const double median = stats::quantile(gaps, 0.5);
  const double limit = std::max(kStallFactor * median, median + kStallMsMin);
  const auto n = static_cast<std::int64_t>(gaps.size());
  const auto stalls = std::count_if(gaps.begin(), gaps.end(), [limit](double gap) { return gap > limit; });
  const auto share = stats::wilson(static_cast<double>(stalls), static_cast<double>(n));
  result.metric("stalls", static_cast<double>(stalls), "", n);
  const std::string text = fmt::format(
      "{} of {} gaps between chunks are over {:.0f} ms, the median is {:.1f} ms, the longest {:.0f} ms",
      stalls, n, limit, median, *std::max_element(gaps.begin(), gaps.end()));
  if (share.lo > kStallShareMax)
    result.judge(Verdict::Fail, "the stream stalls with one session alone: " + text);
  else if (stalls > 0)
    result.finding("warning", text);
}

void judge_claims(const std::vector<Outcome>& alone, BottleneckEvidence& evidence, ResultBuilder& result) {
  const auto ratios = load::claim_ratios(alone);
  const auto look = [&](const std::vector<double>& values, double low, const char* metric, const char* claim,
                        const char* ours) {
    if (values.empty()) return;
    const auto n = static_cast<std::int64_t>(values.size());
    const double median = stats::quantile_of_sorted(values, 0.5);
    const auto interval = stats::quantile_interval(values, 0.5);
    result.metric(metric, median, "", n, interval);
    const std::string text = fmt::format(
        "the server says its {} takes {:.0f} % of the {} that was measured ({} "
        "replies)",
        claim, 100 * median, ours, n);
    if (load::surely_outside(values, low, kClaimMax))
      result.judge(Verdict::Fail, text + ": its timings are not what its users get");
    else if (median < low || median > kClaimMax)
      result.finding("warning", text);
  };
  look(ratios.ttft, kClaimTtftMin, "claimed_ttft_share_p50", "prompt", "time to the first token");
  look(ratios.decode, kClaimDecodeMin, "claimed_decode_share_p50", "decoding",
       "time from first to last text");
  if (!ratios.decode.empty()) evidence.server_decode_share = stats::quantile_of_sorted(ratios.decode, 0.5);
}

/// The bound that memory bandwidth sets for decoding.
struct Roofline {
  gguf::Prediction prediction;
  gguf::Bandwidths bandwidths;
  bool software = false;
};

/// Tells how near to the bound this server comes.
std::optional<Roofline> profile_roofline(Rig& rig, const std::vector<Outcome>& outcomes,
                                         BottleneckEvidence& evidence, ResultBuilder& result) {
  const auto bandwidth = probe::measure_bandwidth();
  if (!bandwidth) {
    result.finding("warning", "memory bandwidth could not be measured: " + bandwidth.error().message);
    return std::nullopt;
  }
  evidence.cores = bandwidth->threads;  // that this process may run on
  result.metric("host_bandwidth_bytes_per_s", bandwidth->read.median_bytes_per_s, "bytes/s",
                bandwidth->repetitions);
  Roofline roofline;
  roofline.software = rig.software_device() && !rig.on_cpu_only();
  roofline.prediction = gguf::predict(rig.facts().file, rig.facts().topology, rig.placement(), 1,
                                      rig.plan().target.context_tokens, rig.embedded() && rig.on_cpu_only());
  const gguf::Prediction& prediction = roofline.prediction;
  // On a stand-in device, and without a device, all bytes come through host memory. A real device's own
  // bandwidth is not measured: its bytes then cost nothing, which makes the bound the host's part alone.
  gguf::Bandwidths& bandwidths = roofline.bandwidths;
  bandwidths.host_bytes_s = bandwidth->read.median_bytes_per_s;
  bandwidths.device_bytes_s =
      roofline.software ? bandwidths.host_bytes_s : std::numeric_limits<double>::infinity();
  const double bound_tok_s = gguf::speed_bound(prediction, bandwidths, 0).tokens_per_second();
  const double bytes = static_cast<double>(prediction.host.decode_bytes +
                                           (roofline.software ? prediction.device.decode_bytes : 0));
  if (bytes == 0) {
    result.finding("info", "no weights are read from host memory: its bandwidth bounds nothing");
    return std::nullopt;
  }
  result.metric("roofline_tok_s", bound_tok_s, "tok/s", 1);
  result.metric("decode_bytes_per_token", bytes, "bytes", 1);
  result.metric(
      "routed_bytes_per_token",
      static_cast<double>(prediction.host.decode_routed_bytes + prediction.device.decode_routed_bytes),
      "bytes", 1);
  const auto figures = load::latency_figures(outcomes);
  if (figures.decode_tok_s.empty()) return roofline;
  const double measured = stats::quantile(figures.decode_tok_s, 0.5);
  evidence.roofline_share = measured / bound_tok_s;
  result.metric("roofline_share", measured / bound_tok_s, "",
                static_cast<std::int64_t>(figures.decode_tok_s.size()));
  result.finding(
      "info", fmt::format("{} of weights a token from host memory at {}/s read bandwidth bound decoding to "
                          "{:.1f} tok/s; {:.1f} "
                          "tok/s were measured, {:.1f} % of it{}",
                          base::human_bytes(bytes), base::human_bytes(bandwidths.host_bytes_s), bound_tok_s,
                          measured, 100 * measured / bound_tok_s,
                          roofline.software ? " (on a software Vulkan device: a stand-in's speed)" : ""));
  return roofline;
}

/// What a faster place for half of the experts would make of the bound.
void cached_bound(Roofline roofline, double hit_share, ResultBuilder& result) {
  const double plain = gguf::speed_bound(roofline.prediction, roofline.bandwidths, 0).tokens_per_second();
  roofline.bandwidths.expert_cache_hit_rate = hit_share;
  const double cached = gguf::speed_bound(roofline.prediction, roofline.bandwidths, 0).tokens_per_second();
  result.metric("roofline_tok_s_cached_half", cached, "tok/s", 1);
  result.finding("info",
                 fmt::format("a cache of half of each layer's experts in a faster place would be hit by "
                             "{:.0f} % of choices (LRU), and raise the bound from {:.1f} to {:.1f} tok/s",
                             100 * hit_share, plain, cached));
}

}  // namespace

record::TestResult test_5_2_profile(Rig& rig) {
  ResultBuilder result;
  BottleneckEvidence evidence;
  const auto outcomes = profile_one_session(rig, evidence, result);
  ContextSteps steps;
  std::vector<Outcome> alone = profile_contexts(rig, steps, evidence, result);
  alone.insert(alone.end(), outcomes.begin(), outcomes.end());
  SwitchingReplies switching;
  if (!rig.cancelled()) switching = time_switching(rig);
  if (!switching.lag_reason.empty()) note_lag(switching.lag_reason, evidence, result);
  note_failures(switching.alone, result);
  note_failures(switching.beside, result);
  alone.insert(alone.end(), switching.alone.begin(), switching.alone.end());
  if (!rig.cancelled()) profile_open_loop(rig, evidence, result);
  if (!evidence.client_lagged) {
    judge_decay(steps, result);
    judge_stalls(alone, result);
    judge_claims(alone, evidence, result);
  }
  const auto cost = rig.probe_cost();
  result.metric("probe_core_share", cost.cpu_share, "", cost.samples);
  std::optional<Roofline> roofline;
  if (!rig.cancelled()) roofline = profile_roofline(rig, outcomes, evidence, result);
  const Bottleneck bound = bottleneck(evidence);
  result.finding("info", bound.name.empty() ? "no bottleneck can be named: " + bound.why
                                            : fmt::format("the bottleneck is {}: {}", bound.name, bound.why));
  std::optional<double> hits;
  if (!rig.cancelled() && rig.has_target() && !rig.target().death())
    hits = trace_switching(rig, switching, result);
  if (roofline && hits) cached_bound(*roofline, *hits, result);
  if (outcomes.empty()) result.judge(Verdict::Inconclusive, "no reply was profiled");
  result.judge(Verdict::Pass,
               fmt::format("{} replies with the server to themselves: none failed, no stall{}", alone.size(),
                           bound.name.empty() ? "" : "; bound by " + bound.name));
  return result.take();
}

Work work_5_2(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  const double prompt = mean_prompt_tokens(input, sizes.prompt_characters_max);
  // Every other of mixed requests asks for a quarter of the tokens.
  const auto mixed = [](int tokens) { return (std::max(8.0, tokens / 4.0) + tokens) / 2; };
  Work work;
  const std::int64_t session = sizes.profile_requests + 1;
  const std::int64_t switching = 4 * static_cast<std::int64_t>(sizes.profile_requests);  // alone and beside
  work.requests = session + switching;
  double prompts = static_cast<double>(work.requests) * prompt;
  double replies = static_cast<double>(session) * mixed(sizes.profile_tokens) +
                   static_cast<double>(switching * sizes.profile_tokens);
  for (const int length : sizes.profile_context_lengths) {
    if (length > room_for_prompt(input.plan, sizes.profile_tokens)) continue;
    work.requests += 1;
    prompts += static_cast<double>(length + template_tokens(input));
    replies += sizes.profile_tokens;
  }
  work.prompt_tokens = std::llround(prompts);
  work.reply_tokens = std::llround(replies);
  if (input.plan.target.url.empty()) {
    work.scored_tokens =
        2 * static_cast<std::int64_t>(sizes.profile_requests) * (std::llround(prompt) + sizes.profile_tokens);
    work.starts = 1;
  }
  work.seconds = kBandwidthSeconds;
  if (sizes.open_loop_requests > 0 && sizes.open_loop_rate_per_s > 0) {
    work.paced_requests = sizes.open_loop_requests;
    const auto starts = workload::arrivals(workload::ArrivalKind::Poisson, sizes.open_loop_rate_per_s,
                                           static_cast<std::size_t>(sizes.open_loop_requests),
                                           seed_for(input, "5.2/arrivals"));
    work.paced_seconds = base::to_seconds(starts.back());
    work.paced_prompt_tokens = std::llround(sizes.open_loop_requests * prompt);
    work.paced_reply_tokens = std::llround(sizes.open_loop_requests * mixed(open_loop_tokens(sizes)));
  }
  return work;
}

}  // namespace moestress::protocol

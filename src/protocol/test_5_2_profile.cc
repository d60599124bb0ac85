// 5.2 profile: TTFT and the distribution of inter-token latency in one session, speed against context length,
// open-loop latency, measured memory bandwidth, and the share of this placement's roofline that is reached.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/text.h"
#include "gguf/prediction.h"
#include "gguf/roofline.h"
#include "load/latency.h"
#include "probe/bandwidth.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "stats/quantile.h"
#include "workload/arrivals.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

bool note_failures(const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  for (const Outcome& outcome : outcomes)
    if (const auto failure = failure_of(outcome)) {
      result.judge(Verdict::Fail, "a request " + *failure);
      return true;
    }
  return false;
}

std::vector<Outcome> profile_one_session(Rig& rig, ResultBuilder& result) {
  const workload::RequestShape shape = rig.request_shape(rig.sizes().profile_tokens);
  // One request warms up: shaders are compiled and pages touched by the first.
  auto requests =
      workload::mixed_requests(static_cast<std::size_t>(rig.sizes().profile_requests) + 1, rig.request_ids(),
                               rig.next_session(), shape, rig.seed("5.2/profile"));
  auto load = rig.closed_loop("5.2", {std::move(requests)});
  if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
  note_failures(load.outcomes, result);
  if (!load.outcomes.empty()) load.outcomes.erase(load.outcomes.begin());
  result.metrics(load::latency_metrics(load.outcomes));
  result.metric("client_lag_ms_p99", load.lag.ms_p99, "ms", load.lag.n);
  return std::move(load.outcomes);
}

void profile_contexts(Rig& rig, ResultBuilder& result) {
  record::Table table{"Speed against context length",
                      {"prompt tokens", "prefill tok/s", "decode tok/s", "TTFT ms"},
                      {},
                      {},
                      "line"};
  const int room = rig.plan().target.context_tokens - rig.sizes().profile_tokens - 64;
  for (const int length : rig.sizes().profile_context_lengths) {
    if (rig.cancelled()) return;
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
    const auto load = rig.closed_loop("5.2", {{std::move(request)}});
    if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
    if (load.outcomes.empty() || note_failures(load.outcomes, result)) continue;
    const Outcome& outcome = load.outcomes.front();
    const double ttft_s = base::to_seconds(outcome.first_text - outcome.sent);
    const double prompt_tokens = static_cast<double>(outcome.prompt_tokens);
    table.rows.push_back({prompt_tokens,
                          prompt_tokens > 0 && ttft_s > 0 ? prompt_tokens / ttft_s : std::nan(""),
                          load::decode_tok_s(outcome).value_or(std::nan("")), ttft_s * 1000});
  }
  result.table(std::move(table));
}

/// Requests that come when they come: what users would feel.
void profile_open_loop(Rig& rig, ResultBuilder& result) {
  const auto count = static_cast<std::size_t>(rig.sizes().open_loop_requests);
  if (count == 0 || rig.sizes().open_loop_rate_per_s <= 0) return;
  const workload::RequestShape shape = rig.request_shape(std::max(8, rig.sizes().profile_tokens / 2));
  auto requests = workload::mixed_requests(count, rig.request_ids(), rig.next_session(), shape,
                                           rig.seed("5.2/open loop"));
  const auto starts = workload::arrivals(workload::ArrivalKind::Poisson, rig.sizes().open_loop_rate_per_s,
                                         count, rig.seed("5.2/arrivals"));
  for (std::size_t i = 0; i < count; ++i) requests[i].planned_start = starts[i];
  const auto load = rig.open_loop("5.2", std::move(requests));
  if (!load.lag_valid) result.judge(Verdict::Invalid, load.lag_reason);
  note_failures(load.outcomes, result);
  const auto figures = load::latency_figures(load.outcomes);
  const auto n = static_cast<std::int64_t>(figures.ttft_ms.size());
  if (n == 0) return;
  result.metric("open_loop_ttft_ms_p50", stats::quantile(figures.ttft_ms, 0.5), "ms", n);
  result.metric("open_loop_ttft_ms_p90", stats::quantile(figures.ttft_ms, 0.9), "ms", n);
  result.metric("open_loop_e2e_ms_p50", stats::quantile(figures.e2e_ms, 0.5), "ms", n);
}

/// The bound that memory bandwidth sets for decoding, and how near to it this server comes.
void profile_roofline(Rig& rig, const std::vector<Outcome>& outcomes, ResultBuilder& result) {
  const auto bandwidth = probe::measure_bandwidth();
  if (!bandwidth) {
    result.finding("warning", "memory bandwidth could not be measured: " + bandwidth.error().message);
    return;
  }
  result.metric("host_bandwidth_bytes_per_s", bandwidth->read.median_bytes_per_s, "bytes/s",
                bandwidth->repetitions);
  const bool software = rig.software_device() && !rig.on_cpu_only();
  const auto prediction =
      gguf::predict(rig.facts().file, rig.facts().topology, rig.placement(), 1,
                    rig.plan().target.context_tokens, rig.embedded() && rig.on_cpu_only());
  // On a stand-in device, and without a device, all bytes come through host memory. A real device's own
  // bandwidth is not measured: its bytes then cost nothing, which makes the bound the host's part alone.
  gguf::Bandwidths bandwidths;
  bandwidths.host_bytes_s = bandwidth->read.median_bytes_per_s;
  bandwidths.device_bytes_s = software ? bandwidths.host_bytes_s : std::numeric_limits<double>::infinity();
  const double bound_tok_s = gguf::speed_bound(prediction, bandwidths, 0).tokens_per_second();
  const double bytes =
      static_cast<double>(prediction.host.decode_bytes + (software ? prediction.device.decode_bytes : 0));
  if (bytes == 0) {
    result.finding("info", "no weights are read from host memory: its bandwidth bounds nothing");
    return;
  }
  result.metric("roofline_tok_s", bound_tok_s, "tok/s", 1);
  result.metric("decode_bytes_per_token", bytes, "bytes", 1);
  result.metric(
      "routed_bytes_per_token",
      static_cast<double>(prediction.host.decode_routed_bytes + prediction.device.decode_routed_bytes),
      "bytes", 1);
  const auto figures = load::latency_figures(outcomes);
  if (figures.decode_tok_s.empty()) return;
  const double measured = stats::quantile(figures.decode_tok_s, 0.5);
  result.metric("roofline_share", measured / bound_tok_s, "",
                static_cast<std::int64_t>(figures.decode_tok_s.size()));
  result.finding(
      "info", fmt::format("{} of weights a token from host memory at {}/s read bandwidth bound decoding to "
                          "{:.1f} tok/s; {:.1f} "
                          "tok/s were measured, {:.1f} % of it{}",
                          base::human_bytes(bytes), base::human_bytes(bandwidths.host_bytes_s), bound_tok_s,
                          measured, 100 * measured / bound_tok_s,
                          software ? " (on a software Vulkan device: a stand-in's speed)" : ""));
}

}  // namespace

record::TestResult test_5_2_profile(Rig& rig) {
  ResultBuilder result;
  const auto outcomes = profile_one_session(rig, result);
  profile_contexts(rig, result);
  if (!rig.cancelled()) profile_open_loop(rig, result);
  if (!rig.cancelled()) profile_roofline(rig, outcomes, result);
  const auto cost = rig.probe_cost();
  result.metric("probe_core_share", cost.cpu_share, "", cost.samples);
  result.judge(Verdict::Pass, fmt::format("{} replies in one session profiled", outcomes.size()));
  return result.take();
}

}  // namespace moestress::protocol

// 5.1 memory: growth per request and per hour, bytes against parallel sessions and context, what stays after
// load (allocator, leak, page cache), peak on devices, and bytes against context tokens.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "base/text.h"
#include "load/latency.h"
#include "probe/host.h"
#include "probe/page_cache.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "stats/fit.h"
#include "stats/trend.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

/// Growth that is a leak beyond doubt: 16 KiB a request is 1.4 GB a day at one request a second.
constexpr double kLeakBytesPerRequest = 16 * 1024;
/// Requests that first use of buffers and pools may cost; left out of the slope.
constexpr std::size_t kWarmUpRequests = 2;
/// Shorter series say nothing of an hour: a page more or less would be megabytes an hour.
constexpr double kHourSlopeSecondsMin = 300;
/// What an allocator may keep after load without having leaked.
constexpr double kRecoverySlackShare = 0.05;
constexpr double kRecoverySlackBytes = 16e6;
/// Loads of every slot in which what they leave behind must settle.
constexpr std::size_t kLoadsMax = 5;
constexpr int kReplyTokens = 8;

/// Private bytes of the target after each of a series of requests of about one size.
struct GrowthSeries {
  std::vector<double> hours;
  std::vector<double> bytes;
};

GrowthSeries growth_series(Rig& rig, ResultBuilder& result, double& peak) {
  const workload::RequestShape shape = rig.request_shape(kReplyTokens);
  const auto set = rig.prompts().shortest(workload::kDomains.size());
  GrowthSeries series;
  const auto count = static_cast<std::size_t>(rig.sizes().memory_requests) + kWarmUpRequests;
  for (std::size_t i = 0; i < count && !rig.cancelled(); ++i) {
    auto request =
        workload::make_request(set[i % set.size()], rig.request_ids().next(), rig.next_session(), shape);
    const auto load = rig.closed_loop("5.1", {{std::move(request)}});
    for (const Outcome& outcome : load.outcomes)
      if (const auto failure = failure_of(outcome)) result.judge(Verdict::Fail, "a request " + *failure);
    const auto memory = rig.fresh_memory();
    if (!memory) return {};
    peak = std::max(peak, static_cast<double>(memory->private_bytes()));
    if (i < kWarmUpRequests) continue;
    series.hours.push_back(base::to_seconds(memory->at) / 3600);
    series.bytes.push_back(static_cast<double>(memory->private_bytes()));
  }
  return series;
}

void judge_growth(Rig& rig, const GrowthSeries& series, ResultBuilder& result) {
  std::vector<double> requests;
  for (std::size_t i = 0; i < series.bytes.size(); ++i) requests.push_back(static_cast<double>(i));
  const auto trend = stats::theil_sen(requests, series.bytes);
  if (!trend.interval.bounded()) {
    result.judge(
        Verdict::Inconclusive,
        fmt::format(
            "{} requests are too few for an interval of the growth per request; raise memory_requests",
            series.bytes.size()));
    return;
  }
  result.metric("private_bytes_per_request", trend.slope, "bytes", trend.n, trend.interval);
  const std::string text = fmt::format(
      "private memory grows by {:.0f} bytes a request (95 % interval {:.0f} to {:.0f}, {} requests)",
      trend.slope, trend.interval.lo, trend.interval.hi, trend.n);
  if (trend.interval.lo > kLeakBytesPerRequest)
    result.judge(Verdict::Fail, text + fmt::format(": more than {:.0f}", kLeakBytesPerRequest));
  else if (trend.interval.hi > kLeakBytesPerRequest)
    result.judge(Verdict::Inconclusive,
                 text + ": a leak is neither shown nor ruled out; raise memory_requests");
  else
    result.judge(Verdict::Pass, text);

  const double seconds = 3600 * (series.hours.back() - series.hours.front());
  if (seconds < kHourSlopeSecondsMin) {
    result.undecided(
        "growth per hour",
        fmt::format("{:.0f} requests took {}, it takes {} of them; raise memory_requests, or see 2.1",
                    static_cast<double>(trend.n), base::human_seconds(seconds),
                    base::human_seconds(kHourSlopeSecondsMin)));
    return;
  }
  const auto hourly = stats::theil_sen(series.hours, series.bytes);
  result.metric("private_bytes_per_hour", hourly.slope, "bytes", hourly.n, hourly.interval);
  const double limit = rig.plan().thresholds.c3_slope_bytes_per_h_max;
  if (hourly.interval.bounded() && hourly.interval.lo > limit)
    result.judge(Verdict::Fail,
                 fmt::format("private memory grows by {}/h (95 % interval from {}) under requests one at a "
                             "time: more than {}",
                             base::human_bytes(hourly.slope), base::human_bytes(hourly.interval.lo),
                             base::human_bytes(limit)));
}

/// `sessions` prompts of `tokens` at once. Private bytes at their highest meanwhile; NaN without a sample.
double load_sessions(Rig& rig, int sessions, int tokens, const std::string& what, ResultBuilder& result) {
  const workload::RequestShape shape = rig.request_shape(kReplyTokens);
  std::vector<std::vector<record::Request>> load;
  for (int i = 0; i < sessions; ++i) {
    const workload::Prompt prompt{
        fmt::format("{}-{}", what, i), workload::Domain::Documentation,
        rig.facts().filler_text(tokens, rig.seed(fmt::format("5.1/{} {}", what, i)))};
    load.push_back({workload::make_request(prompt, rig.request_ids().next(), rig.next_session(), shape)});
  }
  const base::Duration began = rig.now();
  for (const Outcome& outcome : rig.closed_loop("5.1", std::move(load)).outcomes)
    if (const auto failure = failure_of(outcome))
      result.judge(Verdict::Fail, fmt::format("of {} at once with {} tokens a request {}", sessions, tokens,
                                              base::printable(*failure)));
  double peak = std::numeric_limits<double>::quiet_NaN();
  auto samples = rig.memory_since(began);
  if (samples.empty())
    if (const auto memory = rig.fresh_memory()) samples.push_back(*memory);
  for (const auto& sample : samples) peak = std::fmax(peak, static_cast<double>(sample.private_bytes()));
  return peak;
}

/// Of the plan's lengths those that fit the context, ascending, each once; never none.
std::vector<int> prompt_lengths(const plan::Plan& plan) {
  std::set<int> lengths;
  const int room = room_for_prompt(plan, kReplyTokens);
  for (const int tokens : plan.tests.memory_prompt_tokens)
    if (tokens <= room) lengths.insert(tokens);
  if (lengths.empty()) lengths.insert(std::max(1, room));
  return {lengths.begin(), lengths.end()};
}

/// Private bytes by parallel sessions and context filled. Ascending, so that memory that is touched for the
/// first time, and stays, shows where it was needed first.
void sessions_by_context(Rig& rig, ResultBuilder& result, double& peak) {
  record::Table table{"Private bytes at their highest, by parallel sessions and tokens of each prompt",
                      {},
                      {},
                      {},
                      "heatmap"};
  const std::vector<int> fills = prompt_lengths(rig.plan());
  for (const int fill : fills) table.columns.push_back(fmt::format("{} tokens", fill));
  for (const int tokens : rig.sizes().memory_prompt_tokens)
    if (tokens > room_for_prompt(rig.plan(), kReplyTokens))
      result.finding("info",
                     fmt::format("a prompt of {} tokens does not fit a context of {}; raise context_tokens",
                                 tokens, rig.plan().target.context_tokens));
  for (const int sessions : rig.sizes().memory_sessions) {
    if (sessions > rig.plan().target.slots) {
      result.finding("info", fmt::format("{} sessions are more than the {} slots: left out", sessions,
                                         rig.plan().target.slots));
      continue;
    }
    table.row_labels.push_back(fmt::format("{} sessions", sessions));
    table.rows.emplace_back();
    for (const int fill : fills) {
      if (rig.cancelled()) return;
      const double bytes = load_sessions(rig, sessions, fill, "grid", result);
      table.rows.back().push_back(bytes);
      peak = std::fmax(peak, bytes);
      result.metric(fmt::format("private_bytes_peak_s{}_c{}", sessions, fill), bytes, "bytes", 1);
    }
  }
  if (!table.rows.empty()) result.table(std::move(table));
}

std::optional<record::ProcessSample> idle(Rig& rig) {
  const auto idle_end = rig.now() + base::from_seconds(rig.sizes().memory_idle_seconds);
  while (rig.now() < idle_end && !rig.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return rig.fresh_memory();
}

/// Memory that no load needs any more, by whose it is.
void name_what_stays(Rig& rig, const record::ProcessSample& before, const record::ProcessSample& after,
                     bool settled, ResultBuilder& result) {
  const double kept = static_cast<double>(after.private_bytes() - before.private_bytes());
  const double mapped = static_cast<double>(after.rss_file_bytes);
  result.metric("private_bytes_kept_after_idle", kept, "bytes", 1);
  result.metric("file_mapped_bytes_after_idle", mapped, "bytes", 1);
  result.metric("file_mapped_bytes_change", mapped - static_cast<double>(before.rss_file_bytes), "bytes", 1);
  result.finding(
      settled ? "info" : "error",
      fmt::format("private memory after load and idling is {} than before ({} now): {}",
                  kept >= 0 ? base::human_bytes(kept) + " more" : base::human_bytes(-kept) + " less",
                  base::human_bytes(static_cast<double>(after.private_bytes())),
                  settled
                      ? "kept by the allocator and in work buffers, since a further load of all slots adds "
                        "nothing to it"
                      : "a leak, since each load of all slots adds to it"));
  std::string cache = "how much of the model file the page cache holds can't be read here";
  if (const auto file = probe::page_cache_residency(rig.facts().path)) {
    result.metric("page_cache_model_bytes", static_cast<double>(file->resident_bytes), "bytes", 1);
    cache = fmt::format("the page cache holds {} of the model file's {}",
                        base::human_bytes(static_cast<double>(file->resident_bytes)),
                        base::human_bytes(static_cast<double>(file->file_bytes)));
  }
  if (const auto host = probe::read_memory_info()) {
    result.metric("page_cache_host_bytes", static_cast<double>(host->page_cache_bytes), "bytes", 1);
    result.metric("host_available_bytes", static_cast<double>(host->available_bytes), "bytes", 1);
  }
  result.finding("info",
                 fmt::format("{} of files are mapped into the target, which is page cache: the kernel "
                             "takes it back when memory is short, so it is no leak; {}",
                             base::human_bytes(mapped), cache));
}

/// Loads every slot again and again, until a load leaves no more memory behind than the one before it. Loads
/// touch buffers for the first time, and compile a software device's shaders for each new shape of batch:
/// that ends. A target that keeps something of every load does not. The grid is the first load.
void pressure_and_recovery(Rig& rig, ResultBuilder& result, double& peak) {
  const auto before = rig.fresh_memory();
  if (!before) return;
  sessions_by_context(rig, result, peak);
  const int tokens = prompt_lengths(rig.plan()).back();
  std::vector<double> left;  // private bytes, idle after each load
  bool came_back = false;
  std::optional<record::ProcessSample> after;
  while (!came_back && left.size() < kLoadsMax && !rig.cancelled()) {
    if (!left.empty())
      peak = std::fmax(peak, load_sessions(rig, rig.plan().target.slots, tokens, "pressure", result));
    after = idle(rig);
    if (!after) return;
    left.push_back(static_cast<double>(after->private_bytes()));
    came_back = left.size() > 1 &&
                left.back() <= left[left.size() - 2] * (1 + kRecoverySlackShare) + kRecoverySlackBytes;
  }
  if (!after || rig.cancelled()) return;
  result.metric("private_bytes_before_pressure", static_cast<double>(before->private_bytes()), "bytes", 1);
  result.metric("private_bytes_after_idle", left.back(), "bytes", static_cast<std::int64_t>(left.size()));
  name_what_stays(rig, *before, *after, came_back, result);
  if (!came_back)
    result.judge(
        Verdict::Fail,
        fmt::format("{} after the first load of every slot and {} of idling, {} after the {}th: memory "
                    "does not come back",
                    base::human_bytes(left.front()), base::human_seconds(rig.sizes().memory_idle_seconds),
                    base::human_bytes(left.back()), left.size()));
}

struct ContextPoint {
  double tokens = 0;  ///< of all slots
  double kv_bytes = 0;
  double private_bytes = 0;
};

/// Bytes against context tokens. The engine allots its KV cache when it starts, so each point is a start of
/// its own.
std::vector<ContextPoint> context_points(Rig& rig, ResultBuilder& result) {
  std::vector<ContextPoint> points;
  for (const int context : rig.sizes().memory_contexts) {
    if (rig.cancelled()) break;
    if (const auto status = rig.ensure_target(context); !status) {
      result.judge(Verdict::Fail,
                   fmt::format("with a context of {} tokens: {}", context, status.error().message));
      break;
    }
    const auto properties = rig.server_properties();
    const auto memory = rig.fresh_memory();
    if (!properties || !memory) break;
    ContextPoint point;
    point.tokens = static_cast<double>(properties->context_tokens) * properties->slots;
    for (const auto& device : properties->devices)
      point.kv_bytes += static_cast<double>(device.context_bytes);
    point.private_bytes = static_cast<double>(memory->private_bytes());
    points.push_back(point);
  }
  return points;
}

void fit_contexts(Rig& rig, const std::vector<ContextPoint>& points, ResultBuilder& result) {
  record::Table table{"Bytes against context tokens (all slots)",
                      {"context tokens", "KV bytes", "private bytes"},
                      {},
                      {},
                      "line"};
  std::vector<double> tokens, kv;
  for (const auto& point : points) {
    tokens.push_back(point.tokens);
    kv.push_back(point.kv_bytes);
    table.rows.push_back({point.tokens, point.kv_bytes, point.private_bytes});
  }
  if (!points.empty()) result.table(std::move(table));
  const auto n = static_cast<std::int64_t>(points.size());
  result.metric("kv_bytes_per_token_predicted", static_cast<double>(rig.facts().topology.kv_bytes_per_token),
                "bytes", 1);
  if (const auto line = stats::linear_fit(tokens, kv); line && n >= 3)
    result.metric("kv_bytes_per_token", line->slope, "bytes", n, line->slope_interval);
  if (const auto curve = stats::quadratic_fit(tokens, kv); curve && n >= 4)
    result.metric("kv_bytes_quadratic", curve->c, "bytes/token²", n, curve->c_interval);
}

}  // namespace

record::TestResult test_5_1_memory(Rig& rig) {
  ResultBuilder result;
  if (!rig.fresh_memory()) {
    result.judge(Verdict::Skipped,
                 "the server is not a process of ours, so its memory can't be read; have moestress start it "
                 "(--spawn)");
    return result.take();
  }
  double peak = 0;
  // First, so that no request of the growth's is the first to touch a slot.
  pressure_and_recovery(rig, result, peak);
  judge_growth(rig, growth_series(rig, result, peak), result);
  for (const auto& [source, bytes] : rig.device_peaks())
    result.metric(source == "engine"    ? "gpu_bytes_peak_engine"
                  : source == "process" ? "gpu_bytes_peak_process"
                                        : "gpu_bytes_peak_device",
                  bytes, "bytes", 1);
  if (rig.embedded())
    fit_contexts(rig, context_points(rig, result), result);
  else
    result.finding(
        "info",
        "bytes against context tokens need `moestress serve`, which can be started with several contexts");
  result.metric("private_bytes_peak", peak, "bytes", 1);
  return result.take();
}

Work work_5_1(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  Work work;
  if (!input.plan.target.url.empty()) {
    work.skipped = "the memory of a server that is not a process of ours can't be read";
    return work;
  }
  const auto& target = input.plan.target;
  const auto load = [&](std::int64_t requests, double prompt_tokens) {
    work.requests += requests;
    work.prompt_tokens += std::llround(static_cast<double>(requests) * prompt_tokens);
    work.reply_tokens += requests * kReplyTokens;
  };
  load(sizes.memory_requests + static_cast<std::int64_t>(kWarmUpRequests),
       short_prompts(input, workload::kDomains.size()).mean);
  const auto filled = [&](int tokens) { return static_cast<double>(tokens + template_tokens(input)); };
  const std::vector<int> lengths = prompt_lengths(input.plan);
  for (const int sessions : sizes.memory_sessions)
    for (const int tokens : lengths)
      if (sessions <= target.slots) load(sessions, filled(tokens));
  load(target.slots, filled(lengths.back()));
  work.seconds = 2 * sizes.memory_idle_seconds;
  if (target.spawn.empty()) work.starts = static_cast<int>(sizes.memory_contexts.size());
  return work;
}

}  // namespace moestress::protocol

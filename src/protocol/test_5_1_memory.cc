// 5.1 memory: peak, growth per request, recovery after load, and bytes against context tokens.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>

#include "base/text.h"
#include "load/latency.h"
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
/// What an allocator may keep after load without having leaked.
constexpr double kRecoverySlackShare = 0.05;
constexpr double kRecoverySlackBytes = 16e6;
/// Loads of every slot in which what they leave behind must settle.
constexpr std::size_t kLoadsMax = 5;
/// A prompt under pressure is this part of a slot's context.
constexpr int kPressureShare = 16;

/// Private bytes of the target after each of a series of requests of about one size.
std::vector<double> growth_series(Rig& rig, ResultBuilder& result, double& peak) {
  const workload::RequestShape shape = rig.request_shape(8);
  const auto set = rig.prompts().shortest(workload::kDomains.size());
  std::vector<double> bytes;
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
    if (i >= kWarmUpRequests) bytes.push_back(static_cast<double>(memory->private_bytes()));
  }
  return bytes;
}

void judge_growth(const std::vector<double>& bytes, ResultBuilder& result) {
  std::vector<double> requests;
  for (std::size_t i = 0; i < bytes.size(); ++i) requests.push_back(static_cast<double>(i));
  const auto trend = stats::theil_sen(requests, bytes);
  if (!trend.interval.bounded()) {
    result.judge(
        Verdict::Inconclusive,
        fmt::format(
            "{} requests are too few for an interval of the growth per request; raise memory_requests",
            bytes.size()));
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
}

/// Loads every slot at once and lets the target idle. The sample after it; absent if there is no process.
std::optional<record::ProcessSample> load_and_idle(Rig& rig, ResultBuilder& result, double& peak) {
  const workload::RequestShape shape = rig.request_shape(8);
  std::vector<std::vector<record::Request>> sessions;
  for (int i = 0; i < rig.plan().target.slots; ++i) {
    const int length = std::max(16, rig.plan().target.context_tokens / kPressureShare);
    const workload::Prompt prompt{
        fmt::format("pressure-{}", i), workload::Domain::Documentation,
        rig.facts().filler_text(length, rig.seed(fmt::format("5.1/pressure {}", i)))};
    sessions.push_back({workload::make_request(prompt, rig.request_ids().next(), rig.next_session(), shape)});
  }
  const base::Duration began = rig.now();
  for (const Outcome& outcome : rig.closed_loop("5.1", std::move(sessions)).outcomes)
    if (const auto failure = failure_of(outcome))
      result.judge(Verdict::Fail, "with every slot loaded a request " + *failure);
  for (const auto& sample : rig.memory_since(began))
    peak = std::max(peak, static_cast<double>(sample.private_bytes()));
  const auto idle_end = rig.now() + base::from_seconds(rig.sizes().memory_idle_seconds);
  while (rig.now() < idle_end && !rig.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return rig.fresh_memory();
}

/// Loads every slot again and again, until a load leaves no more memory behind than the one before it. Loads
/// touch buffers for the first time, and compile a software device's shaders for each new shape of batch:
/// that ends. A target that keeps something of every load does not.
void pressure_and_recovery(Rig& rig, ResultBuilder& result, double& peak) {
  const auto before = rig.fresh_memory();
  if (!before) return;
  std::vector<double> left;  // private bytes, idle after each load
  bool came_back = false;
  while (!came_back && left.size() < kLoadsMax) {
    const auto after = load_and_idle(rig, result, peak);
    if (!after) return;
    left.push_back(static_cast<double>(after->private_bytes()));
    result.metric("file_mapped_bytes_after_idle", static_cast<double>(after->rss_file_bytes), "bytes", 1);
    came_back = left.size() > 1 &&
                left.back() <= left[left.size() - 2] * (1 + kRecoverySlackShare) + kRecoverySlackBytes;
  }
  result.metric("private_bytes_before_pressure", static_cast<double>(before->private_bytes()), "bytes", 1);
  result.metric("private_bytes_after_idle", left.back(), "bytes", static_cast<std::int64_t>(left.size()));
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
  judge_growth(growth_series(rig, result, peak), result);
  pressure_and_recovery(rig, result, peak);
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

}  // namespace moestress::protocol

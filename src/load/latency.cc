#include "load/latency.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "stats/interval.h"
#include "stats/quantile.h"
#include "stats/window.h"

namespace moestress::load {
namespace {

using base::Duration;
using base::to_ms;
using record::Metric;
using record::Outcome;

bool has_text(const Outcome& outcome) { return outcome.first_text >= Duration(0); }

void put(record::Metrics& to, const std::string& name, Metric metric, const stats::Interval& interval) {
  if (interval.bounded()) metric.ci = std::pair(interval.lo, interval.hi);
  to[name] = std::move(metric);
}

/// `prefix`_p50, _p90, _p99, whichever are asked for.
void put_quantiles(record::Metrics& to, const std::string& prefix, std::vector<double> values,
                   const std::vector<std::pair<const char*, double>>& quantiles, bool independent) {
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  const auto n = static_cast<std::int64_t>(values.size());
  for (const auto& [name, q] : quantiles)
    put(to, prefix + "_" + name, {stats::quantile_of_sorted(values, q), "ms", n, {}},
        independent ? stats::quantile_interval(values, q) : stats::Interval{});
}

void put_mean(record::Metrics& to, const std::string& name, const std::vector<double>& values,
              const char* unit) {
  if (values.empty()) return;
  double sum = 0;
  for (const double value : values) sum += value;
  const auto n = static_cast<std::int64_t>(values.size());
  put(to, name, {sum / static_cast<double>(n), unit, n, {}}, stats::mean_interval(values));
}

/// A session's replies, their decode times put end to end.
struct DecodeTime {
  struct Reply {
    Duration begin;       ///< in decode time
    Duration first_text;  ///< in the run's time
  };
  std::vector<Reply> replies;
  std::vector<double> times_s;
  std::vector<double> tokens;
  Duration total{0};

  void add(const Outcome& outcome) {
    replies.push_back({total, outcome.first_text});
    const double per_byte =
        static_cast<double>(outcome.completion_tokens) / static_cast<double>(outcome.text.size());
    for (std::size_t i = 0; i < outcome.chunks.size(); ++i) {
      const record::Chunk& chunk = outcome.chunks[i];
      times_s.push_back(base::to_seconds(total + (chunk.at - outcome.first_text)));
      tokens.push_back(i == 0 ? 0.0 : static_cast<double>(chunk.text.size()) * per_byte);
    }
    total += outcome.last_text - outcome.first_text;
  }

  Duration in_run_time(Duration decode_time) const {
    auto reply =
        std::upper_bound(replies.begin(), replies.end(), decode_time,
                         [](Duration time, const Reply& candidate) { return time <= candidate.begin; });
    if (reply != replies.begin()) --reply;
    return reply->first_text + (decode_time - reply->begin);
  }
};

}  // namespace

std::optional<double> decode_tok_s(const Outcome& outcome) {
  const Duration span = outcome.last_text - outcome.first_text;
  if (outcome.completion_tokens < 2 || !has_text(outcome) || span <= Duration(0)) return std::nullopt;
  return static_cast<double>(outcome.completion_tokens - 1) / base::to_seconds(span);
}

LatencyFigures latency_figures(std::span<const Outcome> outcomes) {
  LatencyFigures figures;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.ok()) continue;
    figures.e2e_ms.push_back(to_ms(outcome.done - outcome.planned));
    if (!has_text(outcome)) continue;
    figures.ttft_ms.push_back(to_ms(outcome.first_text - outcome.planned));
    if (outcome.sent >= Duration(0)) figures.ttft_send_ms.push_back(to_ms(outcome.first_text - outcome.sent));
    for (std::size_t i = 1; i < outcome.chunks.size(); ++i)
      figures.itl_ms.push_back(to_ms(outcome.chunks[i].at - outcome.chunks[i - 1].at));
    if (const auto speed = decode_tok_s(outcome)) {
      figures.decode_tok_s.push_back(*speed);
      figures.tpot_ms.push_back(1000 / *speed);
    }
  }
  return figures;
}

record::Metrics latency_metrics(std::span<const Outcome> outcomes) {
  const LatencyFigures figures = latency_figures(outcomes);
  record::Metrics metrics;
  put_quantiles(metrics, "ttft_ms", figures.ttft_ms, {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}}, true);
  put_quantiles(metrics, "ttft_send_ms", figures.ttft_send_ms, {{"p50", 0.5}}, true);
  put_quantiles(metrics, "itl_ms", figures.itl_ms, {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}}, false);
  put_quantiles(metrics, "e2e_ms", figures.e2e_ms, {{"p50", 0.5}, {"p99", 0.99}}, true);
  put_mean(metrics, "tpot_ms_mean", figures.tpot_ms, "ms");
  put_mean(metrics, "decode_tok_s_mean", figures.decode_tok_s, "tok/s");

  std::int64_t ok = 0, failed = 0, counted = 0, tokens = 0;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.ok()) {
      failed += outcome.ending != record::Ending::Cancelled;
      continue;
    }
    ++ok;
    if (outcome.completion_tokens < 0) continue;
    ++counted;
    tokens += outcome.completion_tokens;
  }
  metrics["requests_ok"] = {static_cast<double>(ok), "", ok + failed, {}};
  metrics["requests_failed"] = {static_cast<double>(failed), "", ok + failed, {}};
  if (counted > 0) metrics["completion_tokens"] = {static_cast<double>(tokens), "", counted, {}};
  return metrics;
}

std::vector<WindowSpeed> window_speeds(std::span<const Outcome> outcomes, Duration width, Duration step) {
  std::map<base::SessionId, std::vector<const Outcome*>> sessions;
  for (const Outcome& outcome : outcomes)
    if (has_text(outcome) && outcome.completion_tokens > 0 && !outcome.text.empty())
      sessions[outcome.session].push_back(&outcome);

  std::vector<WindowSpeed> speeds;
  for (auto& [session, replies] : sessions) {
    std::stable_sort(replies.begin(), replies.end(),
                     [](const Outcome* a, const Outcome* b) { return a->first_text < b->first_text; });
    DecodeTime decoded;
    for (const Outcome* reply : replies) decoded.add(*reply);
    const auto rates = stats::sliding_rates(decoded.times_s, decoded.tokens, base::to_seconds(width),
                                            base::to_seconds(step));
    for (std::size_t i = 0; i < rates.size(); ++i)
      speeds.push_back({decoded.in_run_time(width + step * static_cast<std::int64_t>(i)), rates[i]});
  }
  std::stable_sort(speeds.begin(), speeds.end(),
                   [](const WindowSpeed& a, const WindowSpeed& b) { return a.end < b.end; });
  return speeds;
}

std::optional<Metric> decode_tok_s_min(std::span<const Outcome> outcomes, Duration width) {
  const auto speeds = window_speeds(outcomes, width, std::chrono::seconds(1));
  if (speeds.empty()) return std::nullopt;
  const auto slowest =
      std::min_element(speeds.begin(), speeds.end(),
                       [](const WindowSpeed& a, const WindowSpeed& b) { return a.tok_s < b.tok_s; });
  return Metric{slowest->tok_s, "tok/s", static_cast<std::int64_t>(speeds.size()), {}};
}

}  // namespace moestress::load

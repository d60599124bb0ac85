#include "protocol/marathon_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.h"
#include "stats/interval.h"
#include "stats/quantile.h"
#include "stats/segmented_trend.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

constexpr std::size_t kTableRowsMax = 500;
constexpr double kFailedShareMax = 0.01;
/// Below kObservedHoursMin a change of speed is judged by this many times the limit, and only a loss:
/// a short run sees caches fill and other programs come and go.
constexpr double kShortRunFactor = 5;

using Figure = std::function<double(const MarathonPoint&)>;

Figure figure_of(double MarathonPoint::*member) {
  return [member](const MarathonPoint& point) { return point.*member; };
}

struct Observed {
  stats::Trend trend;          ///< per hour
  double hours = 0;            ///< that the segments used span, after warm-up
  std::vector<double> values;  ///< after warm-up
  double median() const { return stats::quantile(values, 0.5); }
  stats::Interval interval_times(double factor) const {
    return {trend.interval.lo * factor, trend.interval.hi * factor};  // factor > 0
  }
};

bool is_warm(const MarathonLedger& ledger, const MarathonTerms& terms, const MarathonPoint& point) {
  return point.hours >= ledger.segment_start_hours(point.segment) + terms.warm_up_seconds() / 3600;
}

/// The trend of a figure over all segments, each without its warm-up; `beside` is partialled out.
Observed observe(const MarathonLedger& ledger, const MarathonTerms& terms, const Figure& figure,
                 const Figure& beside = {}) {
  struct Columns {
    std::vector<double> x, y, z;
  };
  std::map<std::int64_t, Columns> columns;
  Observed observed;
  for (const MarathonPoint& point : ledger.points()) {
    if (!is_warm(ledger, terms, point) || std::isnan(figure(point))) continue;
    if (beside && std::isnan(beside(point))) continue;
    Columns& segment = columns[point.segment];
    segment.x.push_back(point.hours);
    segment.y.push_back(figure(point));
    if (beside) segment.z.push_back(beside(point));
    observed.values.push_back(figure(point));
  }
  std::vector<stats::Segment> segments;
  for (const auto& [number, segment] : columns) {
    if (segment.x.size() < stats::kSegmentPointsMin) continue;
    segments.push_back({segment.x, segment.y, segment.z});
    observed.hours += segment.x.back() - segment.x.front();
  }
  observed.trend = stats::segmented_theil_sen(segments);
  return observed;
}

std::string span_of(double hours) { return base::human_seconds(hours * 3600); }

/// How long a run would have to be for its interval to fit under the limit: the width of a slope's interval
/// falls with time to the power of 1.5.
std::string time_needed(const Observed& observed, double half_width, double room) {
  double hours = kObservedHoursMin;
  if (observed.hours > 0 && room > 0)
    hours = std::max(hours, observed.hours * std::pow(half_width / room, 2.0 / 3));
  return span_of(hours * 1.1);
}

std::string too_few(const char* what, const Observed& observed) {
  return fmt::format(
      "the trend of {} is not known: {} checkpoints after the warm-up, at least {} in one piece "
      "over half an hour are needed",
      what, observed.values.size(), stats::kSegmentPointsMin);
}

void judge_memory(const MarathonLedger& ledger, const MarathonTerms& terms, ResultBuilder& result) {
  const Observed observed = observe(ledger, terms, figure_of(&MarathonPoint::private_bytes));
  if (observed.values.empty()) {
    result.judge(Verdict::Inconclusive, ledger.private_bytes_max() > 0
                                            ? too_few("private memory", observed)
                                            : "the server's memory could not be seen: it is no process of "
                                              "this machine that moestress started");
    return;
  }
  const double held = observed.median();
  result.metric("private_bytes_median", held, "bytes", static_cast<std::int64_t>(observed.values.size()));
  result.metric("private_bytes_peak", static_cast<double>(ledger.private_bytes_max()), "bytes",
                ledger.checkpoints());
  const auto [low, high] = observed.trend.interval;
  if (!observed.trend.interval.bounded()) {
    result.judge(Verdict::Inconclusive, too_few("private memory", observed));
    return;
  }
  result.metric("private_bytes_per_hour", observed.trend.slope, "bytes/h", observed.trend.n,
                observed.trend.interval);
  if (held > 0)
    result.metric("private_percent_per_hour", 100 * observed.trend.slope / held, "%/h", observed.trend.n,
                  observed.interval_times(100 / held));
  const double limit = std::min(terms.thresholds.c3_slope_bytes_per_h_max,
                                terms.thresholds.c3_slope_percent_per_h_max / 100 * held);
  const std::string figures =
      fmt::format("{}/h ({} to {}/h) over {}", base::human_bytes(observed.trend.slope),
                  base::human_bytes(low), base::human_bytes(high), span_of(observed.hours));
  const bool too_short = observed.hours < kObservedHoursMin;
  const double grown = low * observed.hours;
  if (low > limit && (!too_short || grown > std::max(limit, kAllocatorBytes))) {
    result.judge(Verdict::Fail,
                 fmt::format("private memory grows by {}, {}/h may be", figures, base::human_bytes(limit)));
  } else if (high >= limit || too_short) {
    const double room = limit - std::max(0.0, observed.trend.slope);
    result.judge(
        Verdict::Inconclusive,
        fmt::format("growth of private memory is not known well enough: {}, {}/h may be; it takes {}",
                    figures, base::human_bytes(limit),
                    room > 0 || too_short ? "about " + time_needed(observed, (high - low) / 2, room)
                                          : "a longer run"));
  }
  if (low > 0 && !too_short)
    result.finding(low > limit ? "error" : "warning",
                   fmt::format("private memory grows by {}; {}/h may be", figures, base::human_bytes(limit)));
}

double tok_s_of(double seconds_per_token) { return 1 / seconds_per_token; }

/// How much speed changes where the time for a token grows by this share; one that falls below nothing is not
/// bounded.
double speed_change(double growth) {
  return growth > -1 ? 1 / (1 + growth) - 1 : std::numeric_limits<double>::infinity();
}

/// What other programs did while the server was slow: a clause for the verdict's reason where that may be
/// why.
std::string other_work(const MarathonLedger& ledger, const MarathonTerms& terms, ResultBuilder& result) {
  std::vector<std::pair<double, double>> points;  // tok/s, others' cores
  for (const MarathonPoint& point : ledger.points())
    if (is_warm(ledger, terms, point) && !std::isnan(point.decode_tok_s) &&
        !std::isnan(point.others_cpu_cores))
      points.emplace_back(point.decode_tok_s, point.others_cpu_cores);
  const std::size_t half = points.size() / 2;
  if (half == 0) return {};
  std::sort(points.begin(), points.end());
  double slow = 0, fast = 0;
  for (std::size_t i = 0; i < half; ++i) {
    slow += points[i].second / static_cast<double>(half);
    fast += points[points.size() - 1 - i].second / static_cast<double>(half);
  }
  const auto n = static_cast<std::int64_t>(half);
  result.metric("others_cpu_cores_while_slow", slow, "cores", n);
  result.metric("others_cpu_cores_while_fast", fast, "cores", n);
  if (slow - fast <= others_cores_max()) return {};
  return fmt::format(
      "; other programs kept {:.1f} cores busy in the slower half of the checkpoints and {:.1f} in the "
      "faster: "
      "run it with nothing else on the machine",
      slow, fast);
}

void judge_speed(const MarathonLedger& ledger, const MarathonTerms& terms, ResultBuilder& result) {
  // The time for a token is linear in the context, speed is not.
  const Observed observed = observe(
      ledger, terms, [](const MarathonPoint& point) { return 1 / point.decode_tok_s; },
      figure_of(&MarathonPoint::context_tokens));
  if (!observed.values.empty()) {
    const auto n = static_cast<std::int64_t>(observed.values.size());
    result.metric("interval_decode_tok_s_min",
                  tok_s_of(*std::max_element(observed.values.begin(), observed.values.end())), "tok/s", n);
    result.metric("interval_decode_tok_s_p5", tok_s_of(stats::quantile(observed.values, 0.95)), "tok/s", n);
    result.metric("interval_decode_tok_s_median", tok_s_of(observed.median()), "tok/s", n);
  }
  const stats::Interval growth = observed.interval_times(observed.hours / observed.median());
  if (!growth.bounded()) {
    result.judge(Verdict::Inconclusive, too_few("decode speed", observed));
    return;
  }
  const double change = 100 * speed_change(observed.trend.slope * observed.hours / observed.median());
  const stats::Interval interval{100 * speed_change(growth.hi), 100 * speed_change(growth.lo)};
  result.metric("decode_tok_s_trend_percent", change, "%", observed.trend.n, interval);
  const bool too_short = observed.hours < kObservedHoursMin;
  const double limit = terms.thresholds.c3_speed_trend_percent_max;
  const std::string figures = fmt::format("{:+.1f} % ({:+.1f} to {:+.1f} %) over {}", change, interval.lo,
                                          interval.hi, span_of(observed.hours));
  const bool lost = interval.hi < -limit * (too_short ? kShortRunFactor : 1);
  const auto others = other_work(ledger, terms, result);
  if (lost || (interval.lo > limit && !too_short)) {
    const std::string reason = fmt::format("decode speed changes by {}, ±{:g} % may be", figures, limit);
    result.judge(others.empty() ? Verdict::Fail : Verdict::Invalid, reason + others);
  } else if (interval.lo < -limit || interval.hi > limit || too_short) {
    const double half_width = 100 * (growth.hi - growth.lo) / 2;
    result.judge(
        Verdict::Inconclusive,
        fmt::format(
            "the trend of decode speed is not known well enough: {}, ±{:g} % may be; it takes about {}{}",
            figures, limit,
            time_needed(observed, half_width, std::max(0.1 * limit, limit - std::abs(change))), others));
  }
}

/// What is said late against what is said early: means of the first and the last third, each with its
/// interval.
void judge_diversity(const std::vector<double>& values, ResultBuilder& result) {
  const std::size_t third = values.size() / 3;
  if (third < stats::kSegmentPointsMin) {
    result.judge(
        Verdict::Inconclusive,
        fmt::format("whether what is said degenerates is not known: {} checkpoints with replies after "
                    "the warm-up, {} are needed",
                    values.size(), 3 * stats::kSegmentPointsMin));
    return;
  }
  const std::span all(values);
  const auto early = stats::mean_interval(all.first(third));
  const auto late = stats::mean_interval(all.last(third));
  const double before = (early.lo + early.hi) / 2;
  const double after = (late.lo + late.hi) / 2;
  const double reach = std::hypot(early.hi - early.lo, late.hi - late.lo) / 2;
  const stats::Interval change{after - before - reach, after - before + reach};
  result.metric("text_diversity_change", after - before, "", static_cast<std::int64_t>(2 * third), change);
  const std::string figures = fmt::format(
      "diversity {:.2f} in the first third of the time, {:.2f} in the last "
      "({:+.2f} to {:+.2f}), -{:g} may be",
      before, after, change.lo, change.hi, kDiversityLossMax);
  if (change.hi < -kDiversityLossMax) {
    result.judge(Verdict::Fail, "what is said degenerates: " + figures);
  } else if (change.lo < -kDiversityLossMax) {
    result.judge(Verdict::Inconclusive, "whether what is said degenerates takes a longer run: " + figures);
  }
}

void judge_text(const MarathonLedger& ledger, const MarathonTerms& terms, ResultBuilder& result) {
  if (!ledger.judges_text()) {
    result.finding("info", "random weights: degeneration of what is said is not looked at");
    return;
  }
  std::vector<double> values;
  for (const MarathonPoint& point : ledger.points())
    if (is_warm(ledger, terms, point) && !std::isnan(point.text_diversity))
      values.push_back(point.text_diversity);
  if (!values.empty())
    result.metric("text_diversity_median", stats::quantile(values, 0.5), "",
                  static_cast<std::int64_t>(values.size()));
  const auto& totals = ledger.totals();
  if (totals.requests_ok > 0)
    result.metric(
        "replies_looping_share",
        static_cast<double>(totals.replies_looping) / static_cast<double>(totals.requests_ok), "",
        totals.requests_ok,
        stats::wilson(static_cast<double>(totals.replies_looping), static_cast<double>(totals.requests_ok)));
  judge_diversity(values, result);
}

void judge_failures(const MarathonLedger& ledger, ResultBuilder& result) {
  const auto& totals = ledger.totals();
  const std::int64_t requests = totals.requests_ok + totals.requests_failed;
  if (totals.deaths > 0)
    result.judge(Verdict::Fail,
                 fmt::format("the server died {} time{}: {}", totals.deaths, totals.deaths == 1 ? "" : "s",
                             base::printable(ledger.last_death(), 200)));
  if (totals.error_bursts > 0)
    result.judge(
        Verdict::Fail,
        fmt::format(
            "{} error burst{} ({} failed requests within a minute, or minutes without a reply), {} of {} "
            "requests failed in all; the last {}",
            totals.error_bursts, totals.error_bursts == 1 ? "" : "s", kBurstFailures, totals.requests_failed,
            requests, base::printable(ledger.last_failure(), 200)));
  const auto share =
      stats::wilson(static_cast<double>(totals.requests_failed), static_cast<double>(requests));
  if (requests > 0 && share.lo > kFailedShareMax)
    result.judge(Verdict::Fail, fmt::format("{} of {} requests failed; the last {}", totals.requests_failed,
                                            requests, base::printable(ledger.last_failure(), 200)));
  if (totals.requests_failed > 0)
    result.finding("warning", fmt::format("{} of {} requests failed; the last {}", totals.requests_failed,
                                          requests, base::printable(ledger.last_failure(), 200)));
  if (totals.requests_ok == 0) result.judge(Verdict::Inconclusive, "no request was answered");
}

void note_own_memory(const MarathonLedger& ledger, const MarathonTerms& terms, ResultBuilder& result) {
  const Observed observed = observe(ledger, terms, figure_of(&MarathonPoint::own_private_bytes));
  if (observed.values.empty()) return;
  result.metric("own_private_bytes_peak", static_cast<double>(ledger.own_private_bytes_max()), "bytes",
                ledger.checkpoints());
  if (observed.trend.interval.bounded())
    result.metric("own_private_bytes_per_hour", observed.trend.slope, "bytes/h", observed.trend.n,
                  observed.trend.interval);
}

void note_latencies(const MarathonLedger& ledger, ResultBuilder& result) {
  using Named = std::pair<const char*, const stats::LatencyHistogram*>;
  using Quantile = std::pair<const char*, double>;
  for (const auto& [name, histogram] : {Named{"ttft_ms", &ledger.ttft()}, Named{"e2e_ms", &ledger.e2e()}}) {
    if (histogram->count() == 0) continue;
    for (const auto& [suffix, q] : {Quantile{"p50", 0.5}, Quantile{"p90", 0.9}, Quantile{"p99", 0.99}})
      if (q == 0.5 || histogram->count() >= stats::samples_for_quantile(q))
        result.metric(fmt::format("{}_{}", name, suffix), base::to_ms(histogram->quantile(q)), "ms",
                      histogram->count());
  }
}

void note_totals(const MarathonLedger& ledger, ResultBuilder& result) {
  const auto& totals = ledger.totals();
  const std::int64_t requests = totals.requests_ok + totals.requests_failed;
  std::int64_t conversations = 0;
  for (const auto& thread : totals.threads) conversations += thread.conversations;
  const auto count = [&](const char* name, std::int64_t value, std::int64_t n) {
    result.metric(name, static_cast<double>(value), "", n);
  };
  result.metric("active_hours", ledger.active_seconds() / 3600, "h", ledger.checkpoints());
  result.metric("unbroken_hours", ledger.unbroken_hours(), "h", ledger.segments());
  count("checkpoints", ledger.checkpoints(), ledger.checkpoints());
  count("segments", ledger.segments(), ledger.segments());
  count("requests_ok", totals.requests_ok, requests);
  count("requests_failed", totals.requests_failed, requests);
  count("error_bursts", totals.error_bursts, requests);
  count("server_deaths", totals.deaths, ledger.segments());
  count("conversations", conversations, conversations);
  count("completion_tokens", totals.completion_tokens, totals.requests_ok);
}

/// A curve over active time, with a gap wherever running was broken off.
void add_curve(const MarathonLedger& ledger, const char* title, const char* unit,
               double MarathonPoint::*figure, double scale, ResultBuilder& result) {
  const auto& points = ledger.points();
  const std::size_t stride = points.size() / kTableRowsMax + 1;
  record::Table table{title, {"minutes", unit}, {}, {}, "line"};
  bool any = false;
  for (std::size_t i = 0; i < points.size(); i += stride) {
    if (i > 0 && points[i].segment != points[i - stride].segment)
      table.rows.push_back({60 * points[i].hours, std::numeric_limits<double>::quiet_NaN()});
    table.rows.push_back({60 * points[i].hours, points[i].*figure * scale});
    any = any || !std::isnan(points[i].*figure);
  }
  if (any) result.table(std::move(table));
}

}  // namespace

double others_cores_max() { return std::max(0.25, std::thread::hardware_concurrency() / 20.0); }

void conclude_marathon(const MarathonLedger& ledger, const MarathonTerms& terms, ResultBuilder& result) {
  note_totals(ledger, result);
  note_latencies(ledger, result);
  note_own_memory(ledger, terms, result);
  add_curve(ledger, "Private memory of the server", "MB", &MarathonPoint::private_bytes, 1e-6, result);
  add_curve(ledger, "Decode speed of a session", "tok/s", &MarathonPoint::decode_tok_s, 1, result);
  add_curve(ledger, "Diversity of what is said", "0 to 1", &MarathonPoint::text_diversity, 1, result);
  add_curve(ledger, "Private memory of moestress", "MB", &MarathonPoint::own_private_bytes, 1e-6, result);
  judge_failures(ledger, result);
  judge_memory(ledger, terms, result);
  judge_speed(ledger, terms, result);
  judge_text(ledger, terms, result);
  for (const double jump : ledger.clock_jumps())
    result.finding("warning", fmt::format("the wall clock parted from the time that passed by {:+.0f} s: the "
                                          "machine slept, or the clock was set",
                                          jump));
  if (ledger.segments() > 1)
    result.finding("info", fmt::format("{} unbroken segments: trends are taken within them, never across",
                                       ledger.segments()));
  if (ledger.active_seconds() < 0.99 * terms.planned_seconds)
    result.judge(Verdict::Inconclusive,
                 fmt::format("ended after {} of {}", base::human_seconds(ledger.active_seconds()),
                             base::human_seconds(terms.planned_seconds)));
  const auto& totals = ledger.totals();
  result.judge(Verdict::Pass,
               fmt::format("{} replies in {}, {} failed; memory, speed and text level", totals.requests_ok,
                           span_of(ledger.active_seconds() / 3600), totals.requests_failed));
}

}  // namespace moestress::protocol

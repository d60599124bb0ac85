// The trends that 2.1 judges: of decode speed, of private memory and of the text.
#include "protocol/long_form_trends.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "protocol/text_windows.h"
#include "stats/quantile.h"
#include "stats/trend.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

constexpr std::size_t kTrendPointsMin = 6;  // what bounds a Theil-Sen slope
constexpr std::size_t kWindowsApart = 60;   // of a second each: windows of 60 s that do not overlap
/// Diversity runs from 0 to 1; prose has some 0.85 in a window, a text that goes round in circles under 0.4.
constexpr double kDiversityDropMax = 0.2;
/// Growth that is a leak is worth its name: an allocator may well take this once.
constexpr double kLeakBytesMin = 8e6;

}  // namespace

void judge_speed_trend(std::span<const load::WindowSpeed> windows, double limit, ResultBuilder& result) {
  std::vector<double> x, y;
  for (std::size_t i = 0; i < windows.size(); i += kWindowsApart) {
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

void judge_memory_trend(std::span<const record::ProcessSample> samples, const plan::Thresholds& thresholds,
                        ResultBuilder& result) {
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
  if (!trend.interval.bounded()) {
    result.undecided(
        "the trend of memory",
        fmt::format("{} samples after warm-up, a second apart, it takes {}", bytes.size(), kTrendPointsMin));
    return;
  }
  result.metric("private_bytes_per_hour", trend.slope, "bytes/h", trend.n, trend.interval);
  const double grown = trend.interval.lo * (hours.back() - hours.front());
  const double matters =
      std::max(kLeakBytesMin, thresholds.c3_slope_percent_per_h_max / 100 * stats::quantile(bytes, 0.5));
  if (trend.interval.lo > thresholds.c3_slope_bytes_per_h_max && grown > matters)
    result.judge(
        Verdict::Fail,
        fmt::format("private memory grows by {}/h while it generates (95 % interval {} to {}, {} samples "
                    "after warm-up), by {} in this test",
                    base::human_bytes(trend.slope), base::human_bytes(trend.interval.lo),
                    base::human_bytes(trend.interval.hi), trend.n, base::human_bytes(grown)));
}

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

void judge_text_over_run(const std::vector<double>& seconds, const std::vector<double>& diversity,
                         ResultBuilder& result) {
  const auto trend = stats::theil_sen(seconds, diversity);
  if (!trend.interval.bounded()) {
    result.undecided("the trend of the text over the test",
                     fmt::format("{} replies, it takes {}", seconds.size(), kTrendPointsMin));
    return;
  }
  const double span = seconds.back() - seconds.front();
  const stats::Interval interval{trend.interval.lo * span, trend.interval.hi * span};
  result.metric("text_diversity_change_over_run", trend.slope * span, "", trend.n, interval);
  if (interval.hi < -kDiversityDropMax)
    result.judge(Verdict::Fail,
                 fmt::format("the text degenerates: its diversity falls by {:.2f} over the test (95 % "
                             "interval {:.2f} to {:.2f}, {} replies), more than {:g}",
                             -trend.slope * span, -interval.hi, -interval.lo, trend.n, kDiversityDropMax));
}

}  // namespace moestress::protocol

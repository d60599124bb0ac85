#include "report/request_statistics.h"

#include <array>

#include "stats/quantile.h"

namespace moestress::report {
namespace {

// A rate over fewer tokens says more of one gap than of the speed.
constexpr std::int64_t kSpeedTokensMin = 8;

double ms(base::Duration d) { return base::to_ms(d); }

LatencyDistribution distribution(const std::string& model, const std::string& test, const char* quantity,
                                 const stats::LatencyHistogram& histogram) {
  LatencyDistribution out;
  out.model = model;
  out.test = test;
  out.quantity = quantity;
  out.n = histogram.count();
  out.max_ms = ms(histogram.max());
  const auto add_point = [&](double share, base::Duration value) {
    out.value_ms.push_back(ms(value));
    out.share.push_back(share);
  };
  const auto n = static_cast<double>(histogram.count());
  add_point(1 / n, histogram.min());
  for (int percent = 1; percent < 100; ++percent)
    if (percent / 100.0 > 1 / n) add_point(percent / 100.0, histogram.quantile(percent / 100.0));
  for (const double share : {0.995, 0.999, 0.9999})
    if ((1 - share) * n >= 1) add_point(share, histogram.quantile(share));
  add_point(1, histogram.max());
  for (const double p : {0.5, 0.9, 0.99})
    if (histogram.count() >= stats::samples_for_quantile(p))
      out.percentiles_ms.push_back({p, ms(histogram.quantile(p))});
  return out;
}

}  // namespace

void RequestStatistics::ThinnedPoints::add(SpeedPoint point) {
  if (seen++ % stride == 0) points.push_back(point);
  if (points.size() <= kSeriesPoints) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < points.size(); i += 2) points[kept++] = points[i];
  points.resize(kept);
  stride *= 2;
}

void RequestStatistics::add(const std::string& model, const std::string& test,
                            const record::Outcome& outcome) {
  const Key key{model, test};
  ++endings_[key][outcome.ending];
  if (!outcome.ok() || outcome.first_text < base::Duration{0}) return;

  Latencies& latencies = latencies_[key];
  if (outcome.planned >= base::Duration{0}) latencies.ttft.add(outcome.first_text - outcome.planned);
  if (outcome.sent >= base::Duration{0}) latencies.ttft_send.add(outcome.first_text - outcome.sent);
  for (std::size_t i = 1; i < outcome.chunks.size(); ++i)
    latencies.itl.add(outcome.chunks[i].at - outcome.chunks[i - 1].at);

  const double decode_s = base::to_seconds(outcome.last_text - outcome.first_text);
  if (outcome.prompt_tokens >= 0 && outcome.completion_tokens >= kSpeedTokensMin && decode_s > 0) {
    const auto completion = static_cast<double>(outcome.completion_tokens);
    speeds_[model].add({.context_tokens = static_cast<double>(outcome.prompt_tokens) + completion / 2,
                        .tok_per_s = (completion - 1) / decode_s});
  }
}

std::vector<LatencyDistribution> RequestStatistics::latencies() const {
  std::vector<LatencyDistribution> out;
  for (const auto& [key, l] : latencies_) {
    const std::array<std::pair<const char*, const stats::LatencyHistogram*>, 3> quantities{
        {{"TTFT", &l.ttft}, {"TTFT from the send", &l.ttft_send}, {"ITL", &l.itl}}};
    for (const auto& [name, histogram] : quantities)
      if (histogram->count() > 0) out.push_back(distribution(key.first, key.second, name, *histogram));
  }
  return out;
}

std::vector<EndingCount> RequestStatistics::endings() const {
  std::vector<EndingCount> out;
  for (const auto& [key, counts] : endings_)
    for (const auto& [ending, count] : counts)
      out.push_back({.model = key.first, .test = key.second, .ending = to_string(ending), .count = count});
  return out;
}

std::vector<SpeedCloud> RequestStatistics::speeds() const {
  std::vector<SpeedCloud> out;
  for (const auto& [model, thinned] : speeds_)
    out.push_back({.model = model, .n = thinned.seen, .points = thinned.points});
  return out;
}

}  // namespace moestress::report

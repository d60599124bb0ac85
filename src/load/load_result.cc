#include "load/load_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "load/latency.h"
#include "stats/quantile.h"

namespace moestress::load {

ClientLag client_lag(std::vector<double> lag_ms) {
  if (lag_ms.empty()) return {};
  std::sort(lag_ms.begin(), lag_ms.end());
  return {.n = static_cast<std::int64_t>(lag_ms.size()),
          .ms_p50 = stats::quantile_of_sorted(lag_ms, 0.5),
          .ms_p99 = stats::quantile_of_sorted(lag_ms, 0.99),
          .ms_max = lag_ms.back()};
}

void judge_lag(LoadResult& result) {
  const ClientLag& lag = result.lag;
  const LatencyFigures figures = latency_figures(result.outcomes);
  if (lag.n == 0 || figures.ttft_ms.empty()) {
    result.lag_valid = true;
    result.lag_reason = "no latency is reported that the client's lag could be in";
    return;
  }
  const double median_ms = stats::quantile(figures.ttft_ms, 0.5);
  const double limit_ms = std::max(kLagFloorMs, kLagShareMax * median_ms);
  result.lag_valid = lag.ms_p99 <= limit_ms;
  const std::string limit = fmt::format("{:.2f} ms ({} a median time to first token of {:.1f} ms)", limit_ms,
                                        limit_ms > kLagFloorMs ? "1 % of" : "the floor, for", median_ms);
  result.lag_reason =
      result.lag_valid
          ? fmt::format("client lag p99 {:.2f} ms (n {}) is within {}", lag.ms_p99, lag.n, limit)
          : fmt::format(
                "client lag p99 {:.2f} ms (n {}) passes {}: moestress itself was late; give it a CPU core of "
                "its own, or lower the load",
                lag.ms_p99, lag.n, limit);
}

}  // namespace moestress::load

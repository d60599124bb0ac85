#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "record/outcome.h"
#include "report/report_input.h"
#include "stats/histogram.h"

namespace moestress::report {

/// What a report says of requests, in memory that does not grow with their number. A value of one thread.
class RequestStatistics {
 public:
  void add(const std::string& model, const std::string& test, const record::Outcome& outcome);

  /// By model and test in their order of name; a latency that was never seen is left out. A percentile is
  /// given only where n reaches stats::samples_for_quantile.
  std::vector<LatencyDistribution> latencies() const;
  std::vector<EndingCount> endings() const;
  std::vector<SpeedCloud> speeds() const;

 private:
  using Key = std::pair<std::string, std::string>;  // model, test
  struct Latencies {
    stats::LatencyHistogram ttft, ttft_send, itl;
  };
  /// Every `stride`-th of the points seen, so that their number stays bounded.
  struct ThinnedPoints {
    std::vector<SpeedPoint> points;
    std::int64_t seen = 0;
    std::int64_t stride = 1;
    void add(SpeedPoint point);
  };

  std::map<Key, Latencies> latencies_;
  std::map<Key, std::map<record::Ending, std::int64_t>> endings_;
  std::map<std::string, ThinnedPoints> speeds_;
};

}  // namespace moestress::report

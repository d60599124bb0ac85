#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace moestress::protocol {

/// Estimates the time that a run still takes: each test has a usual share of a model's time, corrected by
/// what has passed so far.
class TimeLeft {
 public:
  /// `tests`: the ids that will be run on each of `models` models.
  TimeLeft(std::vector<std::string_view> tests, std::size_t models);
  void finished(std::string_view test, double seconds);
  /// Absent before the first test has ended.
  std::optional<double> seconds() const;

 private:
  double total_share_ = 0;
  double done_share_ = 0;
  double done_seconds_ = 0;
};

}  // namespace moestress::protocol

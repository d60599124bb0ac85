#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "record/checkpoint.h"
#include "record/outcome.h"
#include "record/sample.h"
#include "stats/histogram.h"

namespace moestress::protocol {

/// What a marathon came to in a part of its time.
struct MarathonSlice {
  std::vector<record::Outcome> outcomes;  ///< that ended, in order of ends, with their tokens counted
  std::vector<record::ProcessSample> memory;
  std::optional<std::int64_t> own_private_bytes;  ///< of moestress itself
  std::optional<std::int64_t> own_rss_bytes;
  /// CPU time that this machine spent on neither the server nor moestress, steal included.
  std::optional<base::Duration> others_cpu;
  std::optional<std::string> death;  ///< how the server ended, where it did
};

/// A checkpoint's figures as the trends take them; NaN where there was nothing.
struct MarathonPoint {
  std::int64_t segment = 0;
  double hours = 0;  ///< of active time, at the middle of the interval
  double private_bytes = 0;
  double decode_tok_s = 0;
  double context_tokens = 0;
  double text_diversity = 0;
  double own_private_bytes = 0;
  double others_cpu_cores = 0;
};

/// Everything that is kept of a marathon, in memory that does not grow with its length: totals, histograms,
/// and a point for each checkpoint, of which neighbours are joined when there are more than kPointsMax.
/// One owner, one thread.
class MarathonLedger {
 public:
  /// `first_session`: of thread 0. `judge_text`: whether degeneration of what is said is looked at.
  MarathonLedger(std::size_t threads, base::SessionId first_session, bool judge_text);

  /// Takes up where an interrupted run left off.
  void restore(const std::vector<record::Checkpoint>& checkpoints);
  /// Latencies of a reply from before the interruption.
  void restore(const record::Outcome& outcome) { note_latency(outcome); }

  void begin_segment(base::Duration at);
  void fold(const MarathonSlice& slice);
  /// Closes the interval and begins the next.
  record::Checkpoint close(base::Duration at);
  void note_clock_jump(double seconds) { clock_jumps_.push_back(seconds); }

  /// What stands as of the last checkpoint; `threads` and totals as of now.
  const record::Checkpoint& totals() const { return totals_; }
  record::ThreadPosition position(std::size_t thread) const { return totals_.threads[thread]; }
  double active_seconds() const { return totals_.active_seconds; }
  std::int64_t deaths() const { return totals_.deaths; }
  std::int64_t checkpoints() const { return checkpoints_; }
  std::int64_t segments() const { return totals_.segment + 1; }
  std::int64_t failures_in_a_row() const { return failures_in_a_row_; }
  /// When a request last succeeded; before the first, when the segment began.
  base::Duration last_success() const { return last_success_; }
  /// Whether nothing has been answered for longer than a server that works can take: kFrozenAfter and three
  /// times the longest reply so far.
  bool frozen(base::Duration at) const;
  /// Counts a freeze as an error burst.
  void note_frozen(base::Duration at);
  const std::vector<MarathonPoint>& points() const { return points_; }
  /// Of the longest segment.
  double unbroken_hours() const;
  /// Active hours at which a segment began.
  double segment_start_hours(std::int64_t segment) const { return segment_starts_.at(segment); }
  const stats::LatencyHistogram& ttft() const { return ttft_; }
  const stats::LatencyHistogram& e2e() const { return e2e_; }
  std::int64_t private_bytes_max() const { return private_bytes_max_; }
  std::int64_t own_private_bytes_max() const { return own_private_bytes_max_; }
  const std::vector<double>& clock_jumps() const { return clock_jumps_; }
  const std::string& last_failure() const { return last_failure_; }
  const std::string& last_death() const { return last_death_; }
  bool judges_text() const { return judge_text_; }

  static constexpr std::size_t kPointsMax = 4096;

 private:
  void note_latency(const record::Outcome& outcome);
  void note_failure(const record::Outcome& outcome);
  void note_reply(const record::Outcome& outcome);
  void note_turn(const record::Outcome& outcome);
  void add_point(const record::Checkpoint& checkpoint);
  void join_neighbours();

  base::SessionId first_session_;
  bool judge_text_;
  record::Checkpoint totals_;
  bool begun_ = false;  ///< whether there was a segment
  std::int64_t checkpoints_ = 0;
  base::Duration interval_began_{0};

  struct Interval {
    double decode_tokens = 0;
    double decode_seconds = 0;
    double context_tokens = 0;
    double diversity = 0;
    std::int64_t decoded = 0;  ///< replies that speed and context are of
    std::int64_t texts = 0;    ///< replies that diversity is of
    std::vector<std::int64_t> private_bytes;
    std::optional<std::int64_t> own_private_bytes;
    std::optional<std::int64_t> own_rss_bytes;
    std::optional<base::Duration> others_cpu;
  } interval_;

  std::vector<std::int64_t> last_prompt_tokens_;  ///< of each thread
  std::deque<base::Duration> failures_;           ///< ends of the last few
  bool in_burst_ = false;
  std::int64_t failures_in_a_row_ = 0;
  base::Duration longest_reply_{0};
  base::Duration last_success_{0};
  std::string last_failure_;
  std::string last_death_;
  std::vector<MarathonPoint> points_;
  std::map<std::int64_t, double> segment_starts_;
  stats::LatencyHistogram ttft_;
  stats::LatencyHistogram e2e_;
  std::int64_t private_bytes_max_ = 0;
  std::int64_t own_private_bytes_max_ = 0;
  std::vector<double> clock_jumps_;
};

/// An error burst: this many failed requests within this time.
inline constexpr std::size_t kBurstFailures = 3;
inline constexpr base::Duration kBurstWithin = std::chrono::seconds(60);
/// So is a silence of this, and three times the longest reply, between two replies.
inline constexpr base::Duration kFrozenAfter = std::chrono::seconds(300);

}  // namespace moestress::protocol

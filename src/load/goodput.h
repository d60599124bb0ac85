#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_set>

#include "base/clock.h"
#include "base/ids.h"
#include "record/outcome.h"
#include "stats/interval.h"
#include "stats/trend.h"

namespace moestress::load {

/// What a user is promised.
struct Objective {
  double ttft_ms_max = 0;  ///< from the planned start to the first text
  double tpot_ms_max = 0;  ///< per token after the first
};

/// Requests whose reply was asked for in one piece.
using Whole = std::unordered_set<base::RequestId>;

/// Whether an outcome keeps the promise. One that failed does not. A reply that was asked for in one piece
/// has no TTFT of its own: it has as long as a stream would have been allowed for its last token, ttft_ms_max
/// + (tokens − 1) · tpot_ms_max.
bool meets(const record::Outcome& outcome, const Objective& objective, bool whole);

/// Requests that meet every objective (goodput; DistServe, arXiv 2401.09670).
struct Goodput {
  std::int64_t n = 0;  ///< requests, but for those that we cancelled ourselves
  std::int64_t ok = 0;
  std::int64_t met = 0;
  double seconds = 0;  ///< from the first planned start to the end of the schedule or of the last reply
  double share() const { return n > 0 ? static_cast<double>(met) / static_cast<double>(n) : 0; }
  double per_s() const { return seconds > 0 ? static_cast<double>(met) / seconds : 0; }
  stats::Interval share_interval() const {
    return stats::wilson(static_cast<double>(met), static_cast<double>(n));
  }
};
/// `duration`: of the schedule.
Goodput goodput(std::span<const record::Outcome> outcomes, const Objective& objective, const Whole& whole,
                base::Duration duration);

/// Seconds of TTFT for each second of planned start, of replies that are ok: 0 where the server keeps up; λ/μ
/// − 1 where requests come at λ and μ of them can be served, since the queue then grows for as long as they
/// come.
stats::Trend ttft_growth(std::span<const record::Outcome> outcomes);

}  // namespace moestress::load

#pragma once

#include "plan/plan.h"
#include "protocol/marathon_ledger.h"
#include "protocol/result_builder.h"

namespace moestress::protocol {

struct MarathonTerms {
  const plan::Thresholds& thresholds;
  double planned_seconds = 0;
  /// After the start of a segment in which nothing counts for a trend: caches and contexts fill. A tenth of
  /// the planned time, half an hour at most.
  double warm_up_seconds() const { return std::min(1800.0, planned_seconds / 10); }
};

/// Figures, curves and the verdict of a marathon. FAIL: the server died, an error burst (kBurstFailures
/// failed requests within kBurstWithin), more than 1 % of requests failed, memory grows or speed changes by
/// more than C3 allows, or what is said degenerates; where the whole interval says so. INVALID: speed changed
/// while other programs had more of the machine (others_cores_max). INCONCLUSIVE: an interval that reaches
/// across a limit, or less than kObservedHoursMin after warm-up, with the time that it would take.
void conclude_marathon(const MarathonLedger& ledger, const MarathonTerms& terms, ResultBuilder& result);

/// A rate per hour is not called level on less than this. It is called growth only where more has come by
/// then than an hour may bring, and more than an allocator takes at a time (kAllocatorBytes).
inline constexpr double kObservedHoursMin = 0.5;
inline constexpr double kAllocatorBytes = 16e6;
/// A change of speed is not the server's where other programs kept more cores than this busy, on average, in
/// the slower half of the checkpoints beyond those in the faster: a quarter of a core, or a twentieth of all.
double others_cores_max();
/// Diversity (0..1) that what is said may lose over the run.
inline constexpr double kDiversityLossMax = 0.1;

}  // namespace moestress::protocol

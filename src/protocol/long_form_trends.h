#pragma once

#include <span>
#include <vector>

#include "load/latency.h"
#include "plan/plan.h"
#include "protocol/result_builder.h"
#include "record/sample.h"

namespace moestress::protocol {

/// Each gives its figure and, where its whole 95 % interval lies beyond what may be, FAIL.

/// Whether decode speed falls by more than `limit_percent` over the test. `windows` of 60 s begin every
/// second and overlap, so every sixtieth is taken (Theil-Sen). Undecided on fewer than six of those.
void judge_speed_trend(std::span<const load::WindowSpeed> windows, double limit_percent,
                       ResultBuilder& result);

/// Whether private memory grows by more than C3's limits while it generates: a sample a second at most, the
/// first quarter left out as warm-up.
void judge_memory_trend(std::span<const record::ProcessSample> samples, const plan::Thresholds& thresholds,
                        ResultBuilder& result);

/// How diversity (0..1) changes from the first third of a reply's windows to the last; replies are the
/// samples. `replies`: the diversity of each window of each reply. Of few replies the longest is taken,
/// window by window.
void judge_text_along_replies(const std::vector<std::vector<double>>& replies, ResultBuilder& result);

/// How the replies' mean diversity changes over the test; `seconds`: when each ended.
void judge_text_over_run(const std::vector<double>& seconds, const std::vector<double>& diversity,
                         ResultBuilder& result);

}  // namespace moestress::protocol

#pragma once

#include <cstddef>
#include <span>

#include "stats/trend.h"

namespace moestress::stats {

/// An unbroken part of a series, in order of time. All spans are of one length; pairs that are not finite are
/// left out.
struct Segment {
  std::span<const double> x;
  std::span<const double> y;
  /// Something else that moves y, e.g. the context that a speed was reached at; empty: nothing.
  std::span<const double> beside = {};
};

/// The slope that segments have in common, each at a level of its own: the median of the slopes of all pairs
/// within a segment, never across two, Var S being the sum of theirs (Hirsch, Slack and Smith 1982, whose
/// segments are seasons). `intercept` is the median over all of y − slope·x.
///
/// What stands `beside` is partialled out first: its least-squares line is taken from x and y of its segment,
/// and the slope is that of the rest (Frisch and Waugh 1933); where x can't be told from it, the interval is
/// wide. Neighbours that depend on each other widen the interval too: Var S is multiplied by (1 + r)/(1 − r),
/// r the lag-1 autocorrelation of the residuals where that is above 0 (Yue and Wang 2004), but at most by a
/// sixth of the points, so that what would be left of them is not less than bounds a slope at all. A segment
/// of more than 600 points is decimated: equal blocks, the median of each. Fewer than six points in a segment
/// say nothing of the interval: it is left out.
Trend segmented_theil_sen(std::span<const Segment> segments, double confidence = 0.95);

/// Points that a segment must have.
inline constexpr std::size_t kSegmentPointsMin = 6;

}  // namespace moestress::stats

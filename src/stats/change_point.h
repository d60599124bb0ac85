#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moestress::stats {

/// Where a series of runs changed its level or spread.
struct ChangePoint {
  std::size_t index = 0;  ///< of the first value after the change, in the series given
  double p = 1;           ///< by permutation
  double before = 0;      ///< median of the segment before, up to the change point before
  double after = 0;       ///< median of the segment after, up to the next
};

/// E-divisive change points (Matteson and James 2014, arXiv 1306.4933; for runs of benchmarks: Hunter, arXiv
/// 2301.03034): split where the energy distance mn/(m+n)·(2 E|X−Y| − E|X−X'| − E|Y−Y'|) is largest, keep the
/// split if at most `significance` of the permutations reach it, and go on in both parts. Segments have at
/// least `min_segment` values. Non-finite values are left out of the reckoning. Of a longer series the last
/// 1,000 values are looked at. Ascending. The same seed gives the same points.
std::vector<ChangePoint> change_points(std::span<const double> series, std::uint64_t seed,
                                       double significance = 0.05, int permutations = 199,
                                       std::size_t min_segment = 3);

}  // namespace moestress::stats

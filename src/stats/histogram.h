#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace moestress::stats {

/// Durations in fixed memory: 64 buckets per power of two, so that a value read back is within 0.8 % of the
/// one added, from 1 ns (below 128 ns: exact) to the largest duration; 30 KB. After HdrHistogram. A value:
/// its owner's.
class LatencyHistogram {
 public:
  LatencyHistogram();

  /// A negative duration never happened (record::Outcome): it is counted in rejected() and nowhere else.
  void add(base::Duration value);
  void merge(const LatencyHistogram& other);

  std::int64_t count() const { return count_; }
  std::int64_t rejected() const { return rejected_; }
  /// The value at rank ⌈q·count⌉ (at least 1): the middle of its bucket, kept within [min, max]. 0 if empty.
  base::Duration quantile(double q) const;
  base::Duration min() const { return count_ == 0 ? base::Duration{0} : min_; }
  base::Duration max() const { return count_ == 0 ? base::Duration{0} : max_; }
  /// Exact, not from buckets. 0 if empty.
  base::Duration mean() const;

 private:
  std::vector<std::int64_t> buckets_;
  std::int64_t count_ = 0;
  std::int64_t rejected_ = 0;
  double sum_ns_ = 0;
  base::Duration min_{0};
  base::Duration max_{0};
};

}  // namespace moestress::stats

#include "stats/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace moestress::stats {
namespace {

// Values below 2·kPerOctave ns have a bucket each; from there on every power of two has kPerOctave.
constexpr int kOctaveBits = 6;
constexpr std::int64_t kPerOctave = std::int64_t{1} << kOctaveBits;
constexpr std::size_t kBuckets = static_cast<std::size_t>(2 * kPerOctave + (62 - kOctaveBits) * kPerOctave);

int width_bits(std::int64_t value) {
  return std::bit_width(static_cast<std::uint64_t>(value)) - 1 - kOctaveBits;
}

std::size_t bucket_of(std::int64_t value) {
  if (value < 2 * kPerOctave) return static_cast<std::size_t>(value);
  const int bits = width_bits(value);
  return static_cast<std::size_t>(bits * kPerOctave + (value >> bits));
}

std::int64_t middle_of(std::size_t bucket) {
  const auto index = static_cast<std::int64_t>(bucket);
  if (index < 2 * kPerOctave) return index;
  const auto bits = static_cast<int>(index / kPerOctave - 1);
  const std::int64_t begin = (index - bits * kPerOctave) << bits;
  return begin + (std::int64_t{1} << bits) / 2;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets, 0) {}

void LatencyHistogram::add(base::Duration value) {
  if (value.count() < 0) {
    ++rejected_;
    return;
  }
  ++buckets_[bucket_of(value.count())];
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ns_ += static_cast<double>(value.count());
  ++count_;
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  if (other.count_ > 0) min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ns_ += other.sum_ns_;
  count_ += other.count_;
  rejected_ += other.rejected_;
}

base::Duration LatencyHistogram::quantile(double q) const {
  if (count_ == 0) return base::Duration{0};
  const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
  const auto rank = std::clamp(static_cast<std::int64_t>(wanted), std::int64_t{1}, count_);
  std::int64_t seen = 0;
  std::size_t bucket = 0;
  while ((seen += buckets_[bucket]) < rank) ++bucket;
  return std::clamp(base::Duration{middle_of(bucket)}, min_, max_);
}

base::Duration LatencyHistogram::mean() const {
  if (count_ == 0) return base::Duration{0};
  return base::Duration{static_cast<std::int64_t>(std::llround(sum_ns_ / static_cast<double>(count_)))};
}

}  // namespace moestress::stats

#include "probe/bandwidth.h"

#include <sched.h>

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "probe/cpu.h"
#include "probe/host.h"

namespace moestress::probe {
namespace {

using base::ErrorCode;

constexpr std::size_t kArrayBytesMin = 64u << 20;
constexpr std::size_t kArrayBytesMax = 1u << 30;
constexpr std::size_t kArrayBytesLimit = std::size_t{64} << 30;
constexpr int kThreadsMax = 1024;
constexpr int kRepetitionsMin = 3;
constexpr int kRepetitionsMax = 1000;
constexpr std::size_t kPageDoubles = 4096 / sizeof(double);
constexpr double kTriadBytes = 3 * sizeof(double);
constexpr double kReadBytes = sizeof(double);

int cpus_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::max(1u, std::thread::hardware_concurrency());
  return std::max(1, CPU_COUNT(&set));
}

/// The share [begin, end) of `count` elements that belongs to one of `threads`, on page boundaries.
struct Share {
  std::size_t begin;
  std::size_t end;
};
Share share_of(std::size_t count, int thread, int threads) {
  const std::size_t pages = (count + kPageDoubles - 1) / kPageDoubles;
  const auto boundary = [&](int i) {
    return std::min(count,
                    pages * static_cast<std::size_t>(i) / static_cast<std::size_t>(threads) * kPageDoubles);
  };
  return {boundary(thread), boundary(thread + 1)};
}

void fill(double* a, double value, Share share) { std::fill(a + share.begin, a + share.end, value); }

void triad(double* __restrict a, const double* __restrict b, const double* __restrict c, double s,
           Share share) {
  for (std::size_t i = share.begin; i < share.end; ++i) a[i] = b[i] + s * c[i];
}

/// Sixteen sums at once: one would wait for its additions in place of the memory.
double sum(const double* a, Share share) {
  double sums[16] = {};
  std::size_t i = share.begin;
  for (; i + 16 <= share.end; i += 16)
    for (std::size_t j = 0; j < 16; ++j) sums[j] += a[i + j];
  for (; i < share.end; ++i) sums[0] += a[i];
  double total = 0;
  for (const double part : sums) total += part;
  return total;
}

/// Memory that no thread has touched yet, so that each page comes to lie near the thread that touches it
/// first.
struct Release {
  void operator()(double* p) const { ::operator delete[](p, std::align_val_t(4096)); }
};
using Array = std::unique_ptr<double[], Release>;
Array allocate(std::size_t bytes) {
  return Array(static_cast<double*>(::operator new[](bytes, std::align_val_t(4096), std::nothrow)));
}

BandwidthFigure figure(std::vector<double> seconds, double bytes) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t middle = seconds.size() / 2;
  const double median =
      seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  return {bytes / seconds.front(), bytes / median};
}

base::Status check(const BandwidthOptions& options) {
  if (options.threads < 0 || options.threads > kThreadsMax)
    return base::fail(ErrorCode::Usage, "bandwidth: threads must lie in 0..{}, is {}", kThreadsMax,
                      options.threads);
  if (options.repetitions < kRepetitionsMin || options.repetitions > kRepetitionsMax)
    return base::fail(ErrorCode::Usage, "bandwidth: repetitions must lie in {}..{}, is {}", kRepetitionsMin,
                      kRepetitionsMax, options.repetitions);
  if (!(options.seconds_max >= 0 && options.seconds_max <= 3600))
    return base::fail(ErrorCode::Usage, "bandwidth: seconds_max must lie in 0..3600, is {}",
                      options.seconds_max);
  if (options.array_bytes > kArrayBytesLimit || (options.array_bytes > 0 && options.array_bytes < 4096))
    return base::fail(ErrorCode::Usage, "bandwidth: array_bytes must be 0 or lie in 4096..{}, is {}",
                      kArrayBytesLimit, options.array_bytes);
  return {};
}

/// Bytes that three arrays may take: what is available, here and under the cgroup's limit, less a quarter.
std::int64_t memory_budget(const BandwidthOptions& options) {
  std::int64_t budget = INT64_MAX;
  if (const auto memory = read_memory_info(options.proc_root)) budget = memory->available_bytes;
  if (const auto cgroup = read_cgroup_memory(0, options.proc_root, options.sys_root);
      cgroup && cgroup->limit_bytes && cgroup->used_bytes)
    budget = std::min(budget, *cgroup->limit_bytes - *cgroup->used_bytes);
  return budget / 4 * 3;
}

/// All threads go through the same rounds together; thread 0 takes the times between the barriers.
class Measurement {
 public:
  Measurement(std::size_t count, const Bandwidth& sizes, const BandwidthOptions& options, Array a, Array b,
              Array c)
      : count_(count),
        threads_(sizes.threads),
        repetitions_(options.repetitions),
        budget_(base::from_seconds(options.seconds_max)),
        a_(std::move(a)),
        b_(std::move(b)),
        c_(std::move(c)),
        sums_(static_cast<std::size_t>(threads_)),
        barrier_(threads_) {}

  /// May throw std::system_error, before any thread has begun to measure.
  void run() {
    std::vector<std::thread> others;
    try {
      for (int thread = 1; thread < threads_; ++thread) others.emplace_back([this, thread] { work(thread); });
    } catch (const std::system_error&) {
      // The threads that did start wait for those that did not: leave in their place.
      for (std::size_t missing = others.size() + 1; missing < static_cast<std::size_t>(threads_); ++missing)
        barrier_.arrive_and_drop();
      abandoned_ = true;
      barrier_.arrive_and_drop();
      for (std::thread& other : others) other.join();
      throw;
    }
    work(0);
    for (std::thread& other : others) other.join();
  }

  const std::vector<double>& triad_seconds() const { return triad_seconds_; }
  const std::vector<double>& read_seconds() const { return read_seconds_; }
  /// Used by the caller, so that the sums can't be left out.
  double checksum() const {
    double total = 0;
    for (const Padded& sum : sums_) total += sum.value;
    return total;
  }

 private:
  struct alignas(64) Padded {
    double value = 0;
  };

  template <class Kernel>
  void timed(int thread, bool counted, std::vector<double>& seconds, const Kernel& kernel) {
    barrier_.arrive_and_wait();
    const base::TimePoint began = clock_.now();
    kernel();
    barrier_.arrive_and_wait();
    if (thread == 0 && counted) seconds.push_back(base::to_seconds(clock_.now() - began));
  }

  void work(int thread) {
    barrier_.arrive_and_wait();
    if (abandoned_) return;
    const Share share = share_of(count_, thread, threads_);
    fill(a_.get(), 0, share);
    fill(b_.get(), 1, share);
    fill(c_.get(), 2, share);
    const base::TimePoint began = clock_.now();
    for (int i = 0; i < repetitions_; ++i) {
      if (thread == 0 && i >= kRepetitionsMin) enough_ = clock_.now() - began > budget_;
      barrier_.arrive_and_wait();  // all see what thread 0 decided
      if (enough_) return;
      timed(thread, i > 0, triad_seconds_, [&] { triad(a_.get(), b_.get(), c_.get(), 3, share); });
      timed(thread, i > 0, read_seconds_,
            [&] { sums_[static_cast<std::size_t>(thread)].value += sum(b_.get(), share); });
    }
  }

  const base::SystemClock clock_;
  const std::size_t count_;
  const int threads_;
  const int repetitions_;
  const base::Duration budget_;
  Array a_, b_, c_;
  std::vector<Padded> sums_;
  std::vector<double> triad_seconds_;  ///< thread 0's
  std::vector<double> read_seconds_;   ///< thread 0's
  bool abandoned_ = false;             ///< written before the first barrier only
  bool enough_ = false;                ///< thread 0's, between two barriers
  std::barrier<> barrier_;
};

}  // namespace

base::Result<Bandwidth> measure_bandwidth(const BandwidthOptions& options) {
  MOESTRESS_TRY_STATUS(check(options));
  Bandwidth result;
  result.last_level_cache_bytes =
      static_cast<std::size_t>(read_cpu_info(options.proc_root, options.sys_root).last_level_cache_bytes);
  result.threads = options.threads > 0 ? options.threads : cpus_allowed();
  result.array_bytes = options.array_bytes > 0
                           ? options.array_bytes
                           : std::clamp(4 * result.last_level_cache_bytes, kArrayBytesMin, kArrayBytesMax);
  if (3 * static_cast<std::int64_t>(result.array_bytes) > memory_budget(options))
    return base::fail(
        ErrorCode::Limit,
        "bandwidth: three arrays of {} bytes do not fit into the memory that is free; end other "
        "programs, or pass a smaller array_bytes",
        result.array_bytes);
  result.arrays_exceed_cache =
      result.last_level_cache_bytes > 0 && result.array_bytes >= 4 * result.last_level_cache_bytes;

  const std::size_t count = result.array_bytes / sizeof(double);
  Array a = allocate(result.array_bytes), b = allocate(result.array_bytes), c = allocate(result.array_bytes);
  if (!a || !b || !c)
    return base::fail(ErrorCode::Limit, "bandwidth: no memory for three arrays of {} bytes",
                      result.array_bytes);
  Measurement measurement(count, result, options, std::move(a), std::move(b), std::move(c));
  try {
    measurement.run();
  } catch (const std::system_error& error) {
    return base::fail(ErrorCode::Io, "bandwidth: cannot start {} threads: {}", result.threads, error.what());
  }
  const auto rounds = measurement.read_seconds().size();
  result.repetitions = static_cast<int>(rounds);
  // Every element of b is 1: a sum that is not the number of them was not a sum of all. The warm-up is in it.
  if (measurement.checksum() != static_cast<double>(count) * static_cast<double>(rounds + 1))
    return base::fail(ErrorCode::Internal, "bandwidth: the read sum is wrong");
  result.triad = figure(measurement.triad_seconds(), kTriadBytes * static_cast<double>(count));
  result.read = figure(measurement.read_seconds(), kReadBytes * static_cast<double>(count));
  return result;
}

}  // namespace moestress::probe

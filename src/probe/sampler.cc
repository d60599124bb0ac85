#include "probe/sampler.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "probe/host.h"
#include "probe/nvml.h"
#include "probe/process.h"

namespace moestress::probe {
namespace {

using base::Duration;
using base::TimePoint;

constexpr double kHzMin = 0.01;
constexpr double kHzMax = 10;
/// How often all of /proc is looked through for members of the tree.
constexpr Duration kRescanEvery = std::chrono::seconds(1);

Duration thread_cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

std::optional<std::int64_t> bytes_of(const GpuFigures& gpu, const std::vector<int>& pids) {
  if (!gpu.process_bytes || pids.empty()) return std::nullopt;
  std::optional<std::int64_t> sum;  // none of them listed: perhaps a container's ids, so not known, and no 0
  for (const auto& [pid, bytes] : *gpu.process_bytes)
    if (std::find(pids.begin(), pids.end(), pid) != pids.end()) sum = sum.value_or(0) + bytes;
  return sum;
}

record::DeviceSample sample_of(const GpuFigures& gpu, const std::vector<int>& pids) {
  record::DeviceSample sample;
  sample.device = fmt::format("GPU{}", gpu.index);
  sample.source = gpu.memory_version == 0 ? "nvml" : fmt::format("nvml v{}", gpu.memory_version);
  sample.used_bytes = gpu.used_bytes;
  sample.process_bytes = bytes_of(gpu, pids);
  sample.utilisation = gpu.utilisation;
  sample.power_watts = gpu.power_watts;
  sample.total_bytes = gpu.total_bytes;
  sample.reserved_bytes = gpu.reserved_bytes;
  sample.energy_joules = gpu.energy_joules;
  return sample;
}

/// A GPU that is lost answers nothing: a gap.
bool says_anything(const record::DeviceSample& sample) {
  return sample.used_bytes || sample.utilisation || sample.power_watts || sample.energy_joules;
}

}  // namespace

class Sampler::Worker {
 public:
  Worker(const Options& options, Sink sink)
      : options_(options), sink_(std::move(sink)), period_(base::from_seconds(1 / options.hz)) {
    target_ = {options.pid, options.series};
    thread_ = std::thread([this] { run(); });
  }
  ~Worker() { stop(); }

  void set_target(int pid, base::SeriesId series) {
    std::lock_guard lock(mutex_);
    target_ = {pid, series};
    ++target_changes_;
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    std::lock_guard joining(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  SamplerCost cost() const {
    std::lock_guard lock(mutex_);
    return cost_;
  }

 private:
  struct Target {
    int pid = -1;
    base::SeriesId series;
  };

  void run() {
    // Here, not in the constructor: opening NVML takes up to a second, which nobody should wait for.
    if (sink_.on_device) {
      if (auto opened = Nvml::open(options_.nvml_library)) nvml_ = std::move(*opened);
    }
    const TimePoint began = clock_.now();
    const Duration cpu_before = thread_cpu_time();
    TimePoint due = began;
    SamplerCost cost;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      const Target target = target_;
      const std::uint64_t changes = target_changes_;
      lock.unlock();
      take(target, changes);
      ++cost.samples;
      due += period_;
      // Rounds that are due already are left out, not made up for: a burst of samples would say nothing new.
      for (const TimePoint now = clock_.now(); due <= now; due += period_) ++cost.samples_missed;
      const Duration cpu = thread_cpu_time() - cpu_before;
      const Duration elapsed = clock_.now() - began;
      cost.per_sample = cpu / cost.samples;
      // The first round's cost is spread over the period that it serves, so that the share means the same
      // throughout.
      cost.cpu_share = base::to_seconds(cpu) / base::to_seconds(std::max(elapsed, period_));
      lock.lock();
      cost_ = cost;
      wake_.wait_until(lock, due, [&] { return stopping_; });
    }
  }

  void take(const Target& target, std::uint64_t changes) {
    follow(target, changes);
    const Duration at = clock_.now() - options_.epoch;
    if (tree_ && sink_.on_process) {
      if (auto sample = tree_->sample()) {
        sample->at = at;
        sample->series = target.series;
        sink_.on_process(*sample);
      }
    }
    if (sink_.on_host) {
      if (auto sample = read_host(options_.proc_root, options_.sys_root)) {
        sample->at = at;
        sink_.on_host(*sample);
      }
    }
    if (sink_.on_device) take_devices(at);
  }

  /// Keeps the tree in step with the target, and its members with the processes there are.
  void follow(const Target& target, std::uint64_t changes) {
    const TimePoint now = clock_.now();
    if (changes != followed_changes_ || !started_) {
      followed_changes_ = changes;
      started_ = true;
      tree_.reset();
      if (target.pid > 0) tree_.emplace(target.pid, options_.proc_root);
      next_rescan_ = now;
    }
    if (tree_ && now >= next_rescan_) {
      tree_->rescan();
      next_rescan_ = now + kRescanEvery;
    }
  }

  void take_devices(Duration at) {
    const std::vector<int> none;
    const std::vector<int>& pids = tree_ ? tree_->members() : none;
    for (int gpu = 0; nvml_ && gpu < nvml_->count(); ++gpu) {
      record::DeviceSample sample = sample_of(nvml_->read(gpu), pids);
      sample.at = at;
      if (says_anything(sample)) sink_.on_device(sample);
    }
    for (const NumaNode& node : read_numa_nodes(options_.sys_root)) {
      if (!node.cpus.empty()) continue;  // memory without CPUs is a device's: the HBM of a GH200
      record::DeviceSample sample;
      sample.at = at;
      sample.device = fmt::format("node{}", node.node);
      sample.source = "numa";
      sample.used_bytes = node.total_bytes - node.free_bytes;
      sample.total_bytes = node.total_bytes;
      sink_.on_device(sample);
    }
  }

  const Options options_;
  const Sink sink_;
  const Duration period_;
  const base::SystemClock clock_;

  // The thread's own.
  std::unique_ptr<Nvml> nvml_;
  std::optional<ProcessTree> tree_;
  bool started_ = false;
  std::uint64_t followed_changes_ = 0;
  TimePoint next_rescan_{};

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  bool stopping_ = false;
  Target target_;
  std::uint64_t target_changes_ = 0;
  SamplerCost cost_;

  std::mutex join_mutex_;
  std::thread thread_;
};

Sampler::Sampler() = default;
Sampler::~Sampler() = default;

base::Result<std::unique_ptr<Sampler>> Sampler::start(const Options& options, Sink sink) {
  if (!(options.hz >= kHzMin && options.hz <= kHzMax))
    return base::fail(base::ErrorCode::Usage, "sampling rate must lie in {}..{} Hz, is {}", kHzMin, kHzMax,
                      options.hz);
  try {
    std::unique_ptr<Sampler> sampler(new Sampler);
    sampler->worker_ = std::make_unique<Worker>(options, std::move(sink));
    return sampler;
  } catch (const std::system_error& error) {
    return base::fail(base::ErrorCode::Io, "cannot start the sampler's thread: {}", error.what());
  }
}

void Sampler::set_target(int pid, base::SeriesId series) { worker_->set_target(pid, series); }

void Sampler::stop() { worker_->stop(); }

SamplerCost Sampler::cost() const { return worker_->cost(); }

}  // namespace moestress::probe

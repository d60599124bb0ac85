#include "probe/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "probe/probe_testing.h"

namespace moestress::probe {
namespace {

/// Collects samples, and waits until there are enough.
class Collected {
 public:
  Sampler::Sink sink() {
    return {[this](const record::ProcessSample& sample) { add(processes, sample); },
            [this](const record::HostSample& sample) { add(hosts, sample); },
            [this](const record::DeviceSample& sample) { add(devices, sample); }};
  }
  template <class Condition>
  bool wait(const Condition& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }

  template <class Sample>
  std::size_t count(const std::vector<Sample>& samples) {
    std::lock_guard lock(mutex_);
    return samples.size();
  }

  std::vector<record::ProcessSample> processes;
  std::vector<record::HostSample> hosts;
  std::vector<record::DeviceSample> devices;

 private:
  template <class Sample>
  void add(std::vector<Sample>& samples, const Sample& sample) {
    std::lock_guard lock(mutex_);
    samples.push_back(sample);
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

Sampler::Options recorded_options(const std::string& root) {
  Sampler::Options options;
  options.pid = 100;
  options.series.value = 1;
  options.hz = 10;
  options.proc_root = root + "/proc";
  options.sys_root = root + "/sys";
  options.nvml_library = fake_nvml();
  options.epoch = base::SystemClock().now();
  return options;
}

TEST(Sampler, SamplesProcessHostAndDevices) {
  Collected collected;
  const auto sampler = Sampler::start(recorded_options(recorded("gh200", "")), collected.sink());
  ASSERT_TRUE(sampler) << sampler.error().message;
  ASSERT_TRUE(
      collected.wait([&] { return collected.processes.size() >= 3 && collected.devices.size() >= 6; }));
  (*sampler)->stop();

  EXPECT_EQ(collected.processes[0].processes, 4);
  EXPECT_EQ(collected.processes[0].series.value, 1);
  EXPECT_GE(collected.processes[0].at.count(), 0);
  EXPECT_GT(collected.processes[1].at, collected.processes[0].at);
  EXPECT_EQ(collected.hosts[0].memory_available_bytes, 580000000LL * 1024);
  const auto& gpu = collected.devices[0];
  EXPECT_EQ(gpu.device, "GPU0");
  EXPECT_EQ(gpu.source, "nvml v2");
  EXPECT_EQ(gpu.used_bytes, 600);
  EXPECT_EQ(gpu.process_bytes, 450) << "100 and 101 are the target's, 7 is not";
  EXPECT_EQ(gpu.energy_joules, 9.5);
  EXPECT_EQ(collected.devices[1].device, "GPU1");
  const auto& node = collected.devices[2];
  EXPECT_EQ(node.device, "node1");
  EXPECT_EQ(node.source, "numa");
  EXPECT_EQ(node.used_bytes, 5000000LL * 1024);

  const SamplerCost cost = (*sampler)->cost();
  EXPECT_GE(cost.samples, 3);
  EXPECT_GT(cost.cpu_share, 0);
  EXPECT_LT(cost.cpu_share, 0.5);
  EXPECT_GT(cost.per_sample.count(), 0);
  EXPECT_LT(cost.per_sample, std::chrono::milliseconds(50));
}

TEST(Sampler, ANewTargetIsANewSeriesAndADeadOneAGap) {
  const RecordedCopy machine("gh200");
  Collected collected;
  const auto sampler = Sampler::start(recorded_options(machine.path("")), collected.sink());
  ASSERT_TRUE(sampler);
  ASSERT_TRUE(collected.wait([&] { return !collected.processes.empty(); }));
  (*sampler)->set_target(200, base::SeriesId{2});
  ASSERT_TRUE(collected.wait([&] { return collected.processes.back().series.value == 2; }));
  machine.remove("proc/200");
  // Host samples go on. A round that had begun may still bring one; the rounds after it bring none.
  std::size_t hosts = collected.count(collected.hosts);
  ASSERT_TRUE(collected.wait([&] { return collected.hosts.size() >= hosts + 2; }));
  const std::size_t processes = collected.count(collected.processes);
  hosts = collected.count(collected.hosts);
  ASSERT_TRUE(collected.wait([&] { return collected.hosts.size() >= hosts + 3; }));
  (*sampler)->stop();
  EXPECT_EQ(collected.processes.size(), processes);
  EXPECT_EQ(collected.processes.back().processes, 1);
}

TEST(Sampler, WithoutTargetOrGpuThereIsStillTheHost) {
  Collected collected;
  Sampler::Options options = recorded_options(recorded("old_server", ""));
  options.pid = -1;
  options.nvml_library = "libnone-such.so.1";
  const auto sampler = Sampler::start(options, collected.sink());
  ASSERT_TRUE(collected.wait([&] { return collected.hosts.size() >= 2; }));
  (*sampler)->stop();
  EXPECT_TRUE(collected.processes.empty());
  EXPECT_TRUE(collected.devices.empty());
}

TEST(Sampler, ASinkThatIsTooSlowCostsRoundsAndNoBurst) {
  std::mutex mutex;
  std::condition_variable changed;
  int rounds = 0;
  Sampler::Options options = recorded_options(recorded("old_server", ""));
  options.pid = -1;
  Sampler::Sink sink;
  sink.on_host = [&](const record::HostSample&) {
    std::unique_lock lock(mutex);
    ++rounds;
    changed.notify_all();
    changed.wait_for(lock, std::chrono::milliseconds(250), [] { return false; });
  };
  const auto sampler = Sampler::start(options, sink);
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return rounds >= 3; }));
  }
  (*sampler)->stop();
  EXPECT_GE((*sampler)->cost().samples_missed, 4) << "two rounds for each that was kept for 250 ms";
}

TEST(Sampler, StopsAtOnceAndTwice) {
  Sampler::Options options = recorded_options(recorded("gh200", ""));
  options.hz = 0.01;
  const auto sampler = Sampler::start(options, {});
  ASSERT_TRUE(sampler);
  (*sampler)->stop();
  (*sampler)->stop();
}

TEST(Sampler, RatesOutOfRangeAreRefused) {
  for (const double hz : {0.0, -1.0, 10.1, 1e-9, std::nan("")}) {
    Sampler::Options options;
    options.hz = hz;
    EXPECT_FALSE(Sampler::start(options, {})) << hz;
  }
}

}  // namespace
}  // namespace moestress::probe

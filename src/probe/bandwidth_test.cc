#include "probe/bandwidth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probe/probe_testing.h"

namespace moestress::probe {
namespace {

using ::testing::HasSubstr;

TEST(Bandwidth, FiguresArePlausibleForAnyMachine) {
  BandwidthOptions options;
  options.array_bytes = 16u << 20;
  options.threads = 2;
  options.repetitions = 5;
  const auto bandwidth = measure_bandwidth(options);
  ASSERT_TRUE(bandwidth) << bandwidth.error().message;
  EXPECT_EQ(bandwidth->threads, 2);
  EXPECT_EQ(bandwidth->repetitions, 4);
  EXPECT_EQ(bandwidth->array_bytes, 16u << 20);
  for (const BandwidthFigure& figure : {bandwidth->triad, bandwidth->read}) {
    EXPECT_GT(figure.median_bytes_per_s, 1e6);  // under a sanitizer, on a busy machine
    EXPECT_LT(figure.best_bytes_per_s, 1e14);
    EXPECT_GE(figure.best_bytes_per_s, figure.median_bytes_per_s);
  }
}

TEST(Bandwidth, ArraysAreFourTimesEveryLastLevelCache) {
  BandwidthOptions options;
  options.proc_root = recorded("old_server", "proc");  // 9 GB available, but a cgroup leaves 1.3
  options.sys_root = recorded("old_server", "sys");    // 2 × 30 MB
  options.repetitions = 3;
  const auto bandwidth = measure_bandwidth(options);
  ASSERT_TRUE(bandwidth) << bandwidth.error().message;
  EXPECT_EQ(bandwidth->last_level_cache_bytes, 60u << 20);
  EXPECT_EQ(bandwidth->array_bytes, 240u << 20);
  EXPECT_TRUE(bandwidth->arrays_exceed_cache);
}

TEST(Bandwidth, SaysWhenTheCacheIsNotExceeded) {
  BandwidthOptions options;
  options.array_bytes = 1u << 20;
  options.repetitions = 3;
  options.proc_root = recorded("gh200", "proc");
  options.sys_root = recorded("gh200", "sys");
  EXPECT_FALSE(measure_bandwidth(options)->arrays_exceed_cache);
  options.sys_root = "/nowhere";
  EXPECT_FALSE(measure_bandwidth(options)->arrays_exceed_cache) << "an unknown cache is not exceeded";
}

TEST(Bandwidth, ArraysThatAreNoPageOrThreadMultipleAreSummedWhole) {
  for (const std::size_t bytes : {4096u, 4104u, 100'008u}) {
    BandwidthOptions options;
    options.array_bytes = bytes;
    options.threads = 7;
    options.repetitions = 3;
    EXPECT_TRUE(measure_bandwidth(options)) << bytes;  // the sum is checked inside
  }
}

TEST(Bandwidth, EndsItsRepetitionsWithTheTime) {
  BandwidthOptions options;
  options.array_bytes = 1u << 20;
  options.repetitions = 1000;
  options.seconds_max = 0;
  EXPECT_EQ(measure_bandwidth(options)->repetitions, 2);
}

TEST(Bandwidth, NeverTakesMemoryThatIsNotFree) {
  const RecordedCopy machine("old_server");
  machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "3100000000\n");
  BandwidthOptions options;
  options.proc_root = machine.path("proc");
  options.sys_root = machine.path("sys");
  const auto bandwidth = measure_bandwidth(options);
  ASSERT_FALSE(bandwidth);
  EXPECT_EQ(bandwidth.error().code, base::ErrorCode::Limit);
}

TEST(Bandwidth, OptionsOutOfRangeAreRefused) {
  BandwidthOptions options;
  options.threads = -1;
  EXPECT_THAT(measure_bandwidth(options).error().message, HasSubstr("threads"));
  options = {};
  options.repetitions = 2;
  EXPECT_THAT(measure_bandwidth(options).error().message, HasSubstr("repetitions"));
  options = {};
  options.array_bytes = 8;
  EXPECT_THAT(measure_bandwidth(options).error().message, HasSubstr("array_bytes"));
  options = {};
  options.seconds_max = -1;
  EXPECT_THAT(measure_bandwidth(options).error().message, HasSubstr("seconds_max"));
}

}  // namespace
}  // namespace moestress::probe

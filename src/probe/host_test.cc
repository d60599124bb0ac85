#include "probe/host.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "probe/cpu.h"
#include "probe/probe_testing.h"
#include "probe/text_file.h"

namespace moestress::probe {
namespace {

constexpr std::int64_t kKb = 1024;

TEST(TextFile, NumbersAreTakenAsTheyAreOrNotAtAll) {
  EXPECT_EQ(parse_int("  42 kB"), 42);
  EXPECT_EQ(parse_int("-7"), -7);
  EXPECT_FALSE(parse_int("max"));
  EXPECT_FALSE(parse_int(""));
  EXPECT_FALSE(parse_int("99999999999999999999"));
  EXPECT_EQ(kilobytes_after("A: 1 kB\nAB: 2 kB\n", "AB:"), 2 * kKb);
  EXPECT_FALSE(kilobytes_after("A: -1 kB\n", "A:"));
  EXPECT_FALSE(kilobytes_after("A: 9223372036854775807 kB", "A:"));
  EXPECT_FALSE(value_after("xA: 1", "A:")) << "only at the beginning of a line";
}

TEST(Host, MemoryOfARecordedMachine) {
  const auto memory = read_memory_info(recorded("gh200", "proc"));
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->total_bytes, 602189824 * kKb);
  EXPECT_EQ(memory->available_bytes, 580000000 * kKb);
  EXPECT_EQ(memory->page_cache_bytes, (70000000 + 10000 - 50000) * kKb);
  EXPECT_EQ(memory->swap_total_bytes - memory->swap_free_bytes, (8388608 - 8380000) * kKb);
}

TEST(Host, WithoutMemoryFiguresThereIsNoSample) {
  const RecordedCopy machine("gh200");
  machine.write("proc/meminfo", "MemTotal: 5 kB\n");
  EXPECT_FALSE(read_memory_info(machine.path("proc")));
  EXPECT_FALSE(read_host(machine.path("proc"), machine.path("sys")));
  EXPECT_FALSE(read_memory_info("/nowhere"));
}

TEST(Host, PressureIsAbsentWhereTheKernelHasNone) {
  const auto memory = read_pressure("memory", recorded("gh200", "proc"));
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->some, 1.25);
  EXPECT_EQ(memory->full, 0.75);
  const auto cpu = read_pressure("cpu", recorded("gh200", "proc"));
  EXPECT_EQ(cpu->some, 12.5);
  EXPECT_FALSE(cpu->full);
  EXPECT_FALSE(read_pressure("memory", recorded("old_server", "proc")));
}

TEST(Host, BusyTimeLeavesOutIdleAndCountsGuestsOnce) {
  const std::int64_t tick = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  EXPECT_EQ(read_cpu_busy_ns(recorded("gh200", "proc")), (1000 + 20 + 300 + 5 + 6 + 7) * tick);
  EXPECT_EQ(read_cpu_busy_ns(recorded("old_server", "proc")), 10 * tick) << "a short line of an old kernel";
}

TEST(Cgroup, Version2TakesTheLowestLimitOnTheWayUp) {
  const auto cgroup = read_cgroup_memory(0, recorded("gh200", "proc"), recorded("gh200", "sys"));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->version, 2);
  EXPECT_EQ(cgroup->used_bytes, 7516192768);
  EXPECT_EQ(cgroup->limit_bytes, 68719476736) << "its own is max, its parent's is not";
}

TEST(Cgroup, Version1FallsBackToTheMountInsideAContainer) {
  const auto cgroup = read_cgroup_memory(0, recorded("old_server", "proc"), recorded("old_server", "sys"));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->version, 1);
  EXPECT_EQ(cgroup->used_bytes, 3000000000);
  EXPECT_EQ(cgroup->limit_bytes, 4294967296);
}

TEST(Cgroup, NoLimitIsAbsentAndNotHuge) {
  const RecordedCopy machine("old_server");
  machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  const auto cgroup = read_cgroup_memory(0, machine.path("proc"), machine.path("sys"));
  ASSERT_TRUE(cgroup);
  EXPECT_FALSE(cgroup->limit_bytes);
}

TEST(Cgroup, OfAnotherProcessAndOfNone) {
  const RecordedCopy machine("gh200");
  machine.write("proc/100/cgroup", "0::/system.slice\n");
  const auto cgroup = read_cgroup_memory(100, machine.path("proc"), machine.path("sys"));
  EXPECT_EQ(cgroup->used_bytes, 9000000000);
  machine.write("proc/self/cgroup", "0::/\n");
  EXPECT_FALSE(read_cgroup_memory(0, machine.path("proc"), machine.path("sys"))) << "the root has no figures";
  machine.write("proc/self/cgroup", "garbage\n::\n:\n");
  EXPECT_FALSE(read_cgroup_memory(0, machine.path("proc"), machine.path("sys")));
}

TEST(Numa, NodesWithAndWithoutCpus) {
  const auto nodes = read_numa_nodes(recorded("gh200", "sys"));
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[0].cpus, "0-1");
  EXPECT_EQ(nodes[1].cpus, "");
  EXPECT_EQ(nodes[1].total_bytes, 100000000 * kKb);
  EXPECT_EQ(nodes[1].free_bytes, 95000000 * kKb);
  EXPECT_TRUE(read_numa_nodes(recorded("old_server", "sys")).empty());
}

TEST(Host, SampleOfARecordedMachine) {
  const auto sample = read_host(recorded("gh200", "proc"), recorded("gh200", "sys"));
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->memory_available_bytes, 580000000 * kKb);
  EXPECT_EQ(sample->cpu_pressure_some, 12.5);
  EXPECT_EQ(sample->io_pressure_some, 1.25);
  EXPECT_EQ(sample->cgroup_limit_bytes, 68719476736);
  EXPECT_FALSE(read_host(recorded("old_server", "proc"), recorded("old_server", "sys"))->cpu_pressure_some);
}

TEST(Host, ThisMachineCanBeRead) {
  const auto sample = read_host();
  ASSERT_TRUE(sample);
  EXPECT_GT(sample->memory_total_bytes, 0);
  EXPECT_LE(sample->memory_available_bytes, sample->memory_total_bytes);
  EXPECT_GT(sample->cpu_busy_ns, 0);
  EXPECT_GE(read_host()->cpu_busy_ns, sample->cpu_busy_ns);
}

TEST(CpuInfo, CountsCoresSocketsAndAllCachesOfTheLastLevel) {
  const CpuInfo server = read_cpu_info(recorded("old_server", "proc"), recorded("old_server", "sys"));
  EXPECT_EQ(server.model, "Intel(R) Xeon(R) CPU E5-2680 v3 @ 2.50GHz");
  EXPECT_EQ(server.logical, 4);
  EXPECT_EQ(server.cores, 4);
  EXPECT_EQ(server.packages, 2);
  EXPECT_EQ(server.last_level_cache_bytes, 2 * (30 << 20));
  EXPECT_EQ(server.governors, std::vector<std::string>{"powersave"});
  EXPECT_EQ(server.boost, true);
  EXPECT_EQ(server.hypervisor, true);
}

TEST(CpuInfo, OnArm) {
  const CpuInfo grace = read_cpu_info(recorded("gh200", "proc"), recorded("gh200", "sys"));
  EXPECT_EQ(grace.model, "implementer 0x41, part 0xd4f");
  EXPECT_EQ(grace.last_level_cache_bytes, 114688 * kKb);
  EXPECT_FALSE(grace.hypervisor);
  EXPECT_FALSE(grace.boost);
}

TEST(CpuInfo, WithoutSysTheProcessorsOfCpuinfoCount) {
  const CpuInfo info = read_cpu_info(recorded("gh200", "proc"), "/nowhere");
  EXPECT_EQ(info.logical, 2);
  EXPECT_EQ(info.cores, 0);
  EXPECT_EQ(info.last_level_cache_bytes, 0);
}

}  // namespace
}  // namespace moestress::probe

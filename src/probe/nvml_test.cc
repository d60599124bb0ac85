#include "probe/nvml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probe/probe_testing.h"

namespace moestress::probe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::unique_ptr<Nvml> open_fake() {
  auto nvml = Nvml::open(fake_nvml());
  if (!nvml) ADD_FAILURE() << nvml.error().message;
  return std::move(*nvml);
}

TEST(Nvml, ReadsEveryFigure) {
  const auto nvml = open_fake();
  EXPECT_EQ(nvml->count(), 2);
  EXPECT_EQ(nvml->driver_version(), "550.54.15");
  const GpuFigures gpu = nvml->read(0);
  EXPECT_EQ(gpu.name, "Imaginary GH200");
  EXPECT_EQ(gpu.memory_version, 2);
  EXPECT_EQ(gpu.total_bytes, 1000);
  EXPECT_EQ(gpu.reserved_bytes, 100);
  EXPECT_EQ(gpu.used_bytes, 600);
  EXPECT_EQ(gpu.utilisation, 0.37);
  EXPECT_EQ(gpu.power_watts, 123.456);
  EXPECT_EQ(gpu.energy_joules, 9.5);
  ASSERT_TRUE(gpu.process_bytes);
  EXPECT_THAT(*gpu.process_bytes, ElementsAre(Pair(7, 10), Pair(100, 400), Pair(101, 50)))
      << "one that computes and draws counts once";
}

TEST(Nvml, AFailedCallIsAbsent) {
  const auto nvml = open_fake();
  const GpuFigures gpu = nvml->read(1);
  EXPECT_EQ(gpu.used_bytes, 601);
  EXPECT_FALSE(gpu.power_watts);
  EXPECT_EQ(nvml->read(5).used_bytes, std::nullopt);
}

TEST(Nvml, FallsBackToTheFirstVersionOfTheMemoryCall) {
  const FakeNvmlFault fault("v1");
  const GpuFigures gpu = open_fake()->read(0);
  EXPECT_EQ(gpu.memory_version, 1);
  EXPECT_EQ(gpu.used_bytes, 700);
  EXPECT_FALSE(gpu.reserved_bytes);
}

TEST(Nvml, ALostGpuIsAGap) {
  const FakeNvmlFault fault("lost");
  const auto nvml = open_fake();
  EXPECT_EQ(nvml->read(0).used_bytes, 600);
  const GpuFigures lost = nvml->read(1);
  EXPECT_EQ(lost.memory_version, 0);
  EXPECT_FALSE(lost.used_bytes || lost.utilisation || lost.process_bytes);
}

TEST(Nvml, MemoryThatIsNotToldIsNotNought) {
  const FakeNvmlFault fault("hidden");
  EXPECT_FALSE(open_fake()->read(0).process_bytes);
}

TEST(Nvml, SaysWhyThereIsNone) {
  EXPECT_THAT(Nvml::open("libnone-such.so.1").error().message,
              testing::AllOf(HasSubstr("libnone-such.so.1"), HasSubstr("install the NVIDIA driver")));
  EXPECT_THAT(Nvml::open("libc.so.6").error().message, HasSubstr("is no NVML"));
  {
    const FakeNvmlFault fault("dead");
    EXPECT_THAT(Nvml::open(fake_nvml()).error().message, HasSubstr("Driver Not Loaded"));
  }
  const FakeNvmlFault fault("none");
  EXPECT_THAT(Nvml::open(fake_nvml()).error().message, HasSubstr("finds none"));
}

}  // namespace
}  // namespace moestress::probe

#include "protocol/load_log.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace moestress::protocol {
namespace {

constexpr std::string_view kLog =
    "12:00:01.100 info load_tensors: offloaded 5/5 layers to GPU\n"
    "12:00:01.101 info load_tensors:      Vulkan0 model buffer size =    12.50 MiB\n"
    "12:00:01.101 info load_tensors:          CPU model buffer size =   100.00 MiB\n"
    "12:00:01.102 info llama_kv_cache:    Vulkan0 KV buffer size =    24.00 MiB\n"
    "12:00:01.103 info sched_reserve:    Vulkan0 compute buffer size =   150.25 MiB\n"
    "12:00:01.104 info sched_reserve: Vulkan_Host compute buffer size =     4.01 MiB\n";

TEST(LoadLog, ReadsBuffers) {
  const LoadLog log = parse_load_log(kLog);
  EXPECT_EQ(log.model_bytes.at("Vulkan0"), 13107200u);
  EXPECT_EQ(log.model_bytes.at("CPU"), 104857600u);
  EXPECT_EQ(log.kv_bytes.at("Vulkan0"), 25165824u);
  EXPECT_EQ(log.compute_bytes.size(), 2u);
  EXPECT_TRUE(log.error_lines.empty());
}

TEST(LoadLog, TheLastLoadCounts) {
  const LoadLog log =
      parse_load_log(std::string(kLog) + "load_tensors:   CPU_Mapped model buffer size =     7.00 MiB\n");
  EXPECT_EQ(log.model_bytes.size(), 1u);
  EXPECT_EQ(log.model_bytes.at("CPU_Mapped"), 7340032u);
}

TEST(LoadLog, ABannerIsNoEvidence) {
  const LoadLog log = parse_load_log("MoE: offloading ALL expert tensors to CPU (saves 80% VRAM)\n");
  EXPECT_FALSE(log.has_model_buffers());
}

TEST(LoadLog, MalformedLinesArePassedOver) {
  for (const char* line :
       {" model buffer size", "x model buffer size = abc MiB", "x model buffer size = 1e99 MiB",
        "x model buffer size = -1 MiB", "x model buffer size = 12 GiB", " model buffer size = 1 MiB"})
    EXPECT_FALSE(parse_load_log(line).has_model_buffers()) << line;
}

TEST(LoadLog, KeepsErrorsPrintable) {
  const LoadLog log = parse_load_log("\x1b[31mfailed to load model\n");
  ASSERT_EQ(log.error_lines.size(), 1u);
  EXPECT_EQ(log.error_lines[0], "\\x1b[31mfailed to load model");
}

TEST(LoadLog, AnEarlierServersPartIsNotRead) {
  const std::string path = testing::TempDir() + "load_log_test.log";
  const std::string earlier = "failed to load model\nload_tensors: CPU model buffer size = 99.00 MiB\n";
  std::ofstream(path) << earlier << "load_tensors: Vulkan0 model buffer size = 1.00 MiB\n";
  const LoadLog log = read_load_log(path, earlier.size());
  EXPECT_TRUE(log.error_lines.empty());
  EXPECT_EQ(log.model_bytes, (std::map<std::string, std::uint64_t>{{"Vulkan0", 1048576}}));
  std::remove(path.c_str());
}

TEST(HostBuffer, IsKnownByName) {
  EXPECT_TRUE(is_host_buffer("CPU"));
  EXPECT_TRUE(is_host_buffer("CPU_Mapped"));
  EXPECT_TRUE(is_host_buffer("CPU_REPACK"));
  EXPECT_TRUE(is_host_buffer("CUDA_Host"));
  EXPECT_FALSE(is_host_buffer("CUDA0"));
  EXPECT_FALSE(is_host_buffer("Vulkan0"));
}

}  // namespace
}  // namespace moestress::protocol

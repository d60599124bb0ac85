#include "engine/model_file.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/engine_log.h"
#include "engine/physical_cores.h"

namespace moestress::engine {
namespace {

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("engine-test-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& bytes) const {
    const auto path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

const base::Logger kSilent(base::LogLevel::Off);

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

std::string gguf_string(const std::string& text) { return little_endian(text.size(), 8) + text; }

/// A GGUF file without tensors: (key, type, value) each.
std::string gguf(const std::vector<std::tuple<std::string, int, std::string>>& keys) {
  std::string file = "GGUF" + little_endian(3, 4) + little_endian(0, 8) + little_endian(keys.size(), 8);
  for (const auto& [key, type, value] : keys) {
    file += gguf_string(key) + little_endian(static_cast<std::uint64_t>(type), 4) + value;
  }
  return file;
}
constexpr int kU32 = 4;
constexpr int kI64 = 11;
constexpr int kString = 8;

TEST(LayerOf, ReadsTheNumberAndNothingElse) {
  EXPECT_EQ(layer_of("blk.12.ffn_up_exps.weight"), 12);
  EXPECT_EQ(layer_of("blk.0.attn_q.weight"), 0);
  EXPECT_EQ(layer_of("output.weight"), -1);
  EXPECT_EQ(layer_of("blk.x.ffn_up_exps.weight"), -1);
  EXPECT_EQ(layer_of("blk.-1.a"), -1);
  EXPECT_EQ(layer_of("blk.99999999999.a"), -1);
  EXPECT_EQ(layer_of("blk.3"), -1);
}

TEST(RoleOf, TellsRoutedFromSharedExperts) {
  EXPECT_EQ(role_of("blk.1.ffn_gate_up_exps.weight"), TensorRole::RoutedExpert);
  EXPECT_EQ(role_of("blk.1.ffn_down_exps.bias"), TensorRole::RoutedExpert);
  EXPECT_EQ(role_of("blk.1.ffn_down_shexp.weight"), TensorRole::SharedExpert);
  EXPECT_EQ(role_of("blk.1.ffn_gate_inp.weight"), TensorRole::Router);
  EXPECT_EQ(role_of("blk.1.ffn_gate_inp_shexp.weight"), TensorRole::SharedExpert);
  EXPECT_EQ(role_of("blk.1.ffn_gate.weight"), TensorRole::Other);
}

TEST(ReadModelFile, AMissingFileIsIo) {
  const auto read = read_model_file("/nowhere/model.gguf", kSilent);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, base::ErrorCode::Io);
  EXPECT_NE(read.error().message.find("/nowhere/model.gguf"), std::string::npos);
  EXPECT_EQ(read_model_file("/tmp", kSilent).error().code, base::ErrorCode::Io);
}

TEST(ReadModelFile, WhatIsNoGgufIsFormat) {
  const Folder folder;
  for (const std::string& bytes :
       {std::string(), std::string("hello"), std::string("GGUF"), gguf({}).substr(0, 20),
        gguf({{"a", 99, ""}}), std::string("GGUF") + std::string(64, '\xFF')}) {
    const auto read = read_model_file(folder.write("bad.gguf", bytes), kSilent);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, base::ErrorCode::Format) << read.error().message;
  }
}

TEST(ReadModelFile, ReadsWhatTheFileSays) {
  const Folder folder;
  const std::string path =
      folder.write("m.gguf", gguf({{"general.architecture", kString, gguf_string("phimoe")},
                                   {"general.name", kString, gguf_string("a\x1b[31mb")},
                                   {"phimoe.block_count", kU32, little_endian(32, 4)},
                                   {"phimoe.expert_count", kU32, little_endian(16, 4)},
                                   {"phimoe.expert_used_count", kI64, little_endian(2, 8)},
                                   {"phimoe.context_length", kI64, little_endian(~0ULL, 8)},
                                   {"phimoe.embedding_length", kString, gguf_string("4096")}}));
  const auto info = read_model_file(path, kSilent);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->architecture, "phimoe");
  EXPECT_EQ(info->name, "a\\x1b[31mb");
  EXPECT_EQ(info->layers, 32);
  EXPECT_EQ(info->experts, 16);
  EXPECT_EQ(info->experts_used, 2);
  EXPECT_EQ(info->context_trained, 0);  // -1 is no number of tokens
  EXPECT_EQ(info->embedding, 0);        // a string is no number
  EXPECT_EQ(info->moe_layers, 0);
  EXPECT_EQ(info->file_bytes, std::filesystem::file_size(path));
}

TEST(ReadModelFile, AMissingPartOfASplitModelIsNamed) {
  const Folder folder;
  const std::string path =
      folder.write("m-00001-of-00002.gguf", gguf({{"general.architecture", kString, gguf_string("phimoe")},
                                                  {"split.count", kU32, little_endian(2, 4)}}));
  const auto read = read_model_file(path, kSilent);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, base::ErrorCode::Io);
  EXPECT_NE(read.error().message.find("m-00002-of-00002.gguf"), std::string::npos);
}

TEST(LogScope, KeepsTheLastProblemsAndJoinsPieces) {
  constexpr int kInfo = 2;
  constexpr int kError = 4;
  constexpr int kContinued = 5;
  LogScope scope(kSilent);
  EXPECT_EQ(scope.quoted(), "");
  scope.take(kInfo, "fine\n");
  scope.take(kError, "first ");
  scope.take(kContinued, "second\n");
  EXPECT_EQ(scope.quoted(), "first second");
  scope.take(kError, "a\x01\n");
  EXPECT_EQ(scope.quoted(), "first second; a\\x01");
  for (int i = 0; i < 20; ++i) scope.take(kError, "line " + std::to_string(i) + "\n");
  EXPECT_EQ(scope.quoted(), "line 16; line 17; line 18; line 19");
  scope.take(kError, std::string(1 << 20, 'x') + "\n");
  EXPECT_LT(scope.quoted().size(), 10000U);
}

TEST(LogScope, WhatTheEngineSaysReachesTheLoggerOfTheThread) {
  testing::internal::CaptureStderr();
  {
    const base::Logger outer(base::LogLevel::Error);
    const LogScope scope(outer);
    {
      const LogScope inner(kSilent);
      EXPECT_FALSE(read_model_file("/dev/null", kSilent));
    }
    const Folder folder;
    EXPECT_FALSE(read_model_file(folder.write("bad.gguf", "nonsense"), outer));
  }
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find("error"), std::string::npos) << printed;
  EXPECT_NE(printed.find("gguf"), std::string::npos) << printed;
}

TEST(PhysicalCores, HyperthreadsOfACoreCountOnce) {
  const Folder folder;
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    folder.write("cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", "0-1023\n");
  }
  EXPECT_EQ(physical_cores(folder.path()), 1);
  EXPECT_GE(physical_cores("/nowhere"), 1);  // no lists: as many as CPUs
  EXPECT_GE(physical_cores("/nowhere"), physical_cores());
}

}  // namespace
}  // namespace moestress::engine

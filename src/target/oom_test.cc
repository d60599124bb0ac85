#include "target/oom.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace moestress::target {
namespace {

class OomTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "moestress-oom-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = root_ + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }

  std::string root_;
};

TEST_F(OomTest, ReadsTheSecondVersion) {
  put("/proc/self/cgroup", "0::/user.slice/run\n");
  put("/sys/fs/cgroup/user.slice/run/memory.events", "low 0\nhigh 4\nmax 2\noom 2\noom_kill 1\n");
  put("/proc/vmstat", "nr_free_pages 5\noom_kill 7\n");
  const OomKills kills = read_oom_kills(root_);
  EXPECT_EQ(kills.in_cgroup, 1);
  EXPECT_EQ(kills.on_machine, 7);
}

TEST_F(OomTest, ReadsTheFirstVersion) {
  put("/proc/self/cgroup", "5:cpu,memory:/a\n4:pids:/b\n0::/\n");
  put("/sys/fs/cgroup/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  EXPECT_EQ(read_oom_kills(root_).in_cgroup, 3);
}

TEST_F(OomTest, FallsBackToTheMountsRootInAContainer) {
  put("/proc/self/cgroup", "0::/docker/0123\n");
  put("/sys/fs/cgroup/memory.events", "oom_kill 2\n");
  EXPECT_EQ(read_oom_kills(root_).in_cgroup, 2);
}

TEST_F(OomTest, SaysNothingWhereNothingCanBeRead) {
  EXPECT_FALSE(read_oom_kills(root_).in_cgroup);
  EXPECT_FALSE(read_oom_kills(root_).on_machine);
  put("/proc/self/cgroup", "garbage\n:\n0::\n");
  put("/sys/fs/cgroup/memory.events", "oom_kill many\n");
  EXPECT_FALSE(read_oom_kills(root_).in_cgroup);
}

TEST_F(OomTest, DescribesGrowthOnly) {
  EXPECT_EQ(describe_oom({.in_cgroup = 1, .on_machine = 5}, {.in_cgroup = 1, .on_machine = 5}), "");
  EXPECT_EQ(describe_oom({.in_cgroup = 1, .on_machine = {}}, {.in_cgroup = 2, .on_machine = {}}),
            "; the kernel's out-of-memory killer was at work in its memory cgroup");
  EXPECT_EQ(describe_oom({.in_cgroup = {}, .on_machine = 5}, {.in_cgroup = {}, .on_machine = 6}),
            "; the kernel's out-of-memory killer was at work on this machine meanwhile");
  EXPECT_EQ(describe_oom({}, {.in_cgroup = 9, .on_machine = 9}), "");
}

}  // namespace
}  // namespace moestress::target

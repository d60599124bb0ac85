#include "target/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

namespace moestress::target {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Waits for what another process does; there is nothing to be told by.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience = 10s) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Whether a process exists and is no zombie.
bool runs(int pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.at(name_end + 2) != 'Z';
}

int parent_of(int pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream rest(stat.substr(stat.rfind(')') + 3));
  int parent = 0;
  rest >> parent;
  return parent;
}

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "moestress-process-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  SpawnSpec shell(const std::string& script) const {
    SpawnSpec spec = shell_command(script);
    spec.log_path = path("log");
    return spec;
  }
  std::unique_ptr<Process> start(const std::string& script) const {
    auto process = Process::spawn(shell(script));
    EXPECT_TRUE(process.has_value()) << process.error().message;
    return process ? std::move(*process) : nullptr;
  }
  /// The numbers that a script has written to a file, once there are `count` of them.
  std::vector<int> numbers(const std::string& name, std::size_t count) const {
    std::vector<int> found;
    eventually([&] {
      std::istringstream text(read_file(path(name)));
      found.clear();
      for (int number; text >> number;) found.push_back(number);
      return found.size() >= count;
    });
    EXPECT_EQ(found.size(), count) << name;
    return found;
  }

  std::filesystem::path folder_;
};

TEST_F(ProcessTest, WritesBothStreamsToTheLogAndNamesTheExitCode) {
  const auto process = start("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(eventually([&] { return !process->alive(); }));
  EXPECT_EQ(*process->death(), "exited with code 3");
  EXPECT_EQ(read_file(path("log")), "out\nerr\n");
  EXPECT_GT(process->pid(), 0);
  EXPECT_TRUE(process->stop(1s).has_value());
  EXPECT_EQ(*process->death(), "exited with code 3") << "stopping what has ended changes nothing";
}

TEST_F(ProcessTest, AppendsToTheLog) {
  std::ofstream(path("log")) << "before\n";
  const auto process = start("echo after");
  ASSERT_TRUE(eventually([&] { return !process->alive(); }));
  EXPECT_EQ(read_file(path("log")), "before\nafter\n");
}

TEST_F(ProcessTest, NamesTheSignal) {
  const auto process = start("kill -SEGV $$");
  ASSERT_TRUE(eventually([&] { return !process->alive(); }));
  EXPECT_EQ(*process->death(), "killed by signal 11 (SIGSEGV)");
}

TEST_F(ProcessTest, RefusesWhatCantBeStarted) {
  EXPECT_EQ(Process::spawn(SpawnSpec{}).error().code, base::ErrorCode::Usage);

  SpawnSpec missing = shell("");
  missing.argv = {"moestress-no-such-program"};
  const auto not_found = Process::spawn(missing);
  ASSERT_FALSE(not_found);
  EXPECT_THAT(not_found.error().message, HasSubstr("'moestress-no-such-program' is not in PATH"));

  missing.argv = {path("nothing-here")};
  EXPECT_THAT(Process::spawn(missing).error().message, HasSubstr("No such file"));

  std::ofstream(path("text")) << "not a program\n";
  missing.argv = {path("text")};
  EXPECT_THAT(Process::spawn(missing).error().message, HasSubstr("Permission denied"));

  SpawnSpec no_folder = shell("true");
  no_folder.working_directory = path("no-such-folder");
  EXPECT_THAT(Process::spawn(no_folder).error().message, HasSubstr("can't start in folder"));

  SpawnSpec no_log = shell("true");
  no_log.log_path = path("no-such-folder/log");
  EXPECT_THAT(Process::spawn(no_log).error().message, HasSubstr("can't write the program's log"));
}

TEST_F(ProcessTest, AddsToTheEnvironmentAndReplacesInIt) {
  ASSERT_EQ(setenv("MOESTRESS_TEST_OLD", "old", 1), 0);
  ASSERT_EQ(setenv("MOESTRESS_TEST_KEPT", "kept", 1), 0);
  SpawnSpec spec = shell("echo $MOESTRESS_TEST_OLD $MOESTRESS_TEST_NEW $MOESTRESS_TEST_KEPT; pwd");
  spec.environment = {{"MOESTRESS_TEST_OLD", "replaced"}, {"MOESTRESS_TEST_NEW", "added"}};
  spec.working_directory = "/";
  const auto process = Process::spawn(spec);
  ASSERT_TRUE(process);
  ASSERT_TRUE(eventually([&] { return !(*process)->alive(); }));
  EXPECT_EQ(read_file(path("log")), "replaced added kept\n/\n");
}

TEST_F(ProcessTest, PassesOnNoDescriptorOfOurs) {
  std::ofstream open_file(path("held"));
  const int inheritable = dup(STDERR_FILENO);  // without close-on-exec
  const auto process = start("ls /proc/self/fd");
  ASSERT_TRUE(eventually([&] { return !process->alive(); }));
  EXPECT_EQ(read_file(path("log")), "0\n1\n2\n3\n") << "3 is the folder that ls reads";
  close(inheritable);
}

TEST_F(ProcessTest, RunsInAGroupOfItsOwn) {
  const auto process = start("exec sleep 100");
  EXPECT_EQ(getpgid(process->pid()), process->pid());
  EXPECT_NE(getpgid(process->pid()), getpgrp());
}

TEST_F(ProcessTest, StopsWithSigtermFirst) {
  const auto process =
      start("trap 'echo bye; exit 0' TERM; echo $$ > " + path("ready") + "; while :; do sleep 0.05; done");
  numbers("ready", 1);
  EXPECT_TRUE(process->alive());
  ASSERT_TRUE(process->stop(10s).has_value());
  EXPECT_EQ(*process->death(), "exited with code 0, as it was asked to");
  EXPECT_THAT(read_file(path("log")), HasSubstr("bye"));
}

TEST_F(ProcessTest, KillsWhatIgnoresSigterm) {
  const auto process = start("trap '' TERM; echo $$ > " + path("ready") + "; while :; do sleep 0.05; done");
  numbers("ready", 1);
  ASSERT_TRUE(process->stop(100ms).has_value());
  EXPECT_EQ(*process->death(), "killed by signal 9 (SIGKILL), as it was asked to");
}

// A program with a child in its group, one that ignores SIGTERM, and one in a session of its own.
std::string family(const std::string& ids) {
  return "sleep 300 & echo $! >> " + ids + "; (trap '' TERM; sleep 300) & echo $! >> " + ids +
         "; setsid sh -c 'echo $$ >> " + ids + "; exec sleep 300' & echo $$ >> " + ids + "; wait";
}

TEST_F(ProcessTest, StopLeavesNothingBehind) {
  const auto process = start(family(path("ids")));
  const std::vector<int> ids = numbers("ids", 4);
  for (const int id : ids) EXPECT_TRUE(runs(id));
  ASSERT_TRUE(process->stop(5s).has_value());
  for (const int id : ids) EXPECT_FALSE(runs(id)) << id;
}

TEST_F(ProcessTest, DestructionLeavesNothingBehind) {
  auto process = start(family(path("ids")));
  const std::vector<int> ids = numbers("ids", 4);
  process.reset();
  for (const int id : ids) EXPECT_FALSE(runs(id)) << id;
}

TEST_F(ProcessTest, TheRestGoesWithTheProgram) {
  const auto process = start(family(path("ids")));
  const std::vector<int> ids = numbers("ids", 4);
  ASSERT_EQ(kill(process->pid(), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return !process->alive(); }));
  EXPECT_EQ(process->death()->find("killed by signal 9 (SIGKILL)"), 0U);
  for (const int id : ids) EXPECT_TRUE(eventually([&] { return !runs(id); })) << id;
}

TEST_F(ProcessTest, KillingUsLeavesNothingBehind) {
  const pid_t parent = fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {  // a moestress with two targets
    const auto first = Process::spawn(shell(family(path("first"))));
    const auto second = Process::spawn(shell(family(path("second"))));
    if (first && second) pause();
    _exit(1);
  }
  std::vector<int> ids = numbers("first", 4);
  for (const int id : numbers("second", 4)) ids.push_back(id);
  std::vector<int> all = ids;
  for (const int id : {ids[3], ids[7]}) all.push_back(parent_of(id));  // the keepers
  ASSERT_EQ(kill(parent, SIGKILL), 0);
  ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
  for (const int id : all) EXPECT_TRUE(eventually([&] { return !runs(id); })) << id;
}

TEST_F(ProcessTest, KillingTheKeeperKillsTheProgram) {
  const auto process = start("exec sleep 300");
  ASSERT_EQ(kill(parent_of(process->pid()), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return !process->alive(); }));
  EXPECT_THAT(*process->death(), HasSubstr("keeper"));
  EXPECT_TRUE(eventually([&] { return !runs(process->pid()); }));
}

TEST_F(ProcessTest, LogTailShowsTheLastLinesSafely) {
  std::ofstream log(path("log"));
  for (int i = 0; i < 100; ++i) log << "line " << i << "\n\n";
  log << "\x1b[31mred\x1b[0m\r\nunfinished";
  log.close();
  EXPECT_EQ(log_tail(path("log"), 3), "  line 99\n  \\x1b[31mred\\x1b[0m\n  unfinished");
  EXPECT_EQ(log_tail(path("none")), "");
}

}  // namespace
}  // namespace moestress::target

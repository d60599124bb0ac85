#include "probe/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <memory>

#include "probe/probe_testing.h"

namespace moestress::probe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kKb = 1024;

TEST(ReadProcess, ReadsARecordedOneWhoseNameIsMeantToConfuse) {
  const auto process = read_process(101, recorded("gh200", "proc"));
  ASSERT_TRUE(process);
  EXPECT_EQ(process->pid, 101);
  EXPECT_EQ(process->parent, 100);
  EXPECT_EQ(process->group, 100);
  EXPECT_EQ(process->state, 'R');
  EXPECT_EQ(process->cpu_ticks, 75);
  EXPECT_EQ(process->start_ticks, 5100u);
  EXPECT_EQ(process->threads, 4);
  EXPECT_EQ(process->rss_anon_bytes, 500 * kKb);
  EXPECT_EQ(process->rss_file_bytes, 100 * kKb);
  EXPECT_EQ(process->read_bytes, 101 * 4096);
  EXPECT_EQ(process->written_bytes, 512);
  EXPECT_EQ(process->fds, 3);
}

TEST(ReadProcess, ZombiesAndTheDeadAreAbsent) {
  EXPECT_FALSE(read_process(103, recorded("gh200", "proc")));
  EXPECT_FALSE(read_process(4711, recorded("gh200", "proc")));
}

TEST(ReadProcess, DamagedFilesAreAbsentAndNoCrash) {
  const RecordedCopy machine("gh200");
  for (const char* stat :
       {"", "101", "101 (x", "101 (x)", "101 (x) R 1 2", "101 (x) R a b c d e f g h i j k l m n o p q"}) {
    machine.write("proc/101/stat", stat);
    EXPECT_FALSE(read_process(101, machine.path("proc"))) << stat;
  }
}

TEST(ProcessTree, HoldsDescendantsAndTheGroupAndNobodyElse) {
  ProcessTree tree(100, recorded("gh200", "proc"));
  ASSERT_TRUE(tree.rescan());
  EXPECT_THAT(tree.members(), ElementsAre(90, 100, 101, 102));
  const auto sum = tree.sample();
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->processes, 4);
  EXPECT_EQ(sum->rss_anon_bytes, (1000 + 500 + 10 + 7) * kKb);
  EXPECT_EQ(sum->rss_file_bytes, (20000 + 100 + 20) * kKb);
  EXPECT_EQ(sum->rss_shmem_bytes, (30 + 30) * kKb);
  EXPECT_EQ(sum->swap_bytes, 40 * kKb);
  EXPECT_EQ(sum->private_bytes(), (1517 + 40) * kKb);
  EXPECT_EQ(sum->cpu_time_ns, 402 * (1'000'000'000 / ::sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(sum->threads, 15);
  EXPECT_EQ(sum->fds, 12);
  EXPECT_EQ(sum->read_bytes, (100 + 101 + 102 + 90) * 4096);
}

TEST(ProcessTree, TheGroupCountsOnlyForItsLeader) {
  ProcessTree tree(101, recorded("gh200", "proc"));
  ASSERT_TRUE(tree.rescan());
  EXPECT_THAT(tree.members(), ElementsAre(101, 102));
}

TEST(ProcessTree, WhatOneProcessDoesNotTellIsAbsentFromTheSum) {
  const RecordedCopy machine("gh200");
  machine.remove("proc/102/io");
  machine.remove("proc/101/fd");
  ProcessTree tree(100, machine.path("proc"));
  ASSERT_TRUE(tree.rescan());
  const auto sum = tree.sample();
  EXPECT_FALSE(sum->read_bytes);
  EXPECT_FALSE(sum->fds);
  EXPECT_EQ(sum->processes, 4);
}

TEST(ProcessTree, AMemberThatEndsIsLeftOutAndTheFirstOnesEndIsTheEnd) {
  const RecordedCopy machine("gh200");
  ProcessTree tree(100, machine.path("proc"));
  ASSERT_TRUE(tree.rescan());
  machine.remove("proc/101");
  EXPECT_EQ(tree.sample()->processes, 3);
  machine.remove("proc/100");
  EXPECT_FALSE(tree.sample());
  EXPECT_FALSE(tree.rescan());
  EXPECT_THAT(tree.members(), IsEmpty());
}

TEST(ProcessTree, AnotherProcessWithTheSameNumberIsNotTheTarget) {
  const RecordedCopy machine("gh200");
  ProcessTree tree(200, machine.path("proc"));
  ASSERT_TRUE(tree.rescan());
  ASSERT_TRUE(tree.sample());
  machine.write("proc/200/stat", "200 (new) S 1 200 200 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 9999 0 0");
  EXPECT_FALSE(tree.sample());
  EXPECT_FALSE(tree.rescan());
}

TEST(ProcessTree, NeverCountsThisProgram) {
  const RecordedCopy machine("gh200");
  const std::string self = std::to_string(::getpid());
  machine.write("proc/" + self + "/stat",
                self + " (moestress) S 100 100 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 9999 0 0");
  ProcessTree tree(100, machine.path("proc"));
  ASSERT_TRUE(tree.rescan());
  EXPECT_THAT(tree.members(), ElementsAre(90, 100, 101, 102));
}

TEST(ProcessTree, FollowsALivingProcessThroughItsMemoryAndItsDeath) {
  constexpr std::size_t kBytes = 40u << 20;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto memory = std::make_unique<char[]>(kBytes);
    std::memset(memory.get(), 1, kBytes);
    static_cast<void>(::write(ready[1], memory.get(), 1));
    ::pause();
    ::_exit(0);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ProcessTree tree(child);
  ASSERT_TRUE(tree.rescan());
  const auto sample = tree.sample();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->processes, 1);
  EXPECT_GE(sample->private_bytes(), static_cast<std::int64_t>(kBytes));
  EXPECT_GE(sample->fds.value_or(0), 3);
  ::kill(child, SIGKILL);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);  // a zombie now
  EXPECT_FALSE(tree.sample());
  EXPECT_FALSE(tree.rescan());
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(tree.sample());
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace moestress::probe

#include "quality/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace moestress::quality {
namespace {

using ::testing::HasSubstr;
using workload::Language;
using workload::Program;

/// Command lines of all processes that hold `text`.
int processes_with(const std::string& text) {
  int found = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line((std::istreambuf_iterator<char>(file)), {});
    found += line.find(text) != std::string::npos ? 1 : 0;
  }
  return found;
}

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    SandboxLimits limits;
    limits.cpu_seconds = 2;
    limits.wall = std::chrono::seconds(8);
    limits.memory_bytes = std::int64_t{256} << 20;
    limits.file_bytes = std::int64_t{1} << 20;
    limits.processes = 24;
    auto opened = Sandbox::open(limits);
    if (!opened) GTEST_SKIP() << opened.error().message;
    sandbox_ = std::move(*opened);
    if (const auto python = sandbox_->supports(Language::Python); !python)
      GTEST_SKIP() << python.error().message;
  }

  RunReport python(const std::string& text) {
    const auto report = sandbox_->run({Language::Python, {{"tests.py", text}}, "all is well"});
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(RunReport{});
  }

  std::optional<Sandbox> sandbox_;
};

TEST_F(SandboxTest, AProgramPassesWhereItEndsWellAndSaysTheLine) {
  EXPECT_EQ(python("print('all is well')").verdict, RunVerdict::Passed);
  EXPECT_EQ(python("print('all is well?')").verdict, RunVerdict::Failed);
  EXPECT_EQ(python("import sys\nsys.exit(0)\nprint('all is well')").verdict, RunVerdict::Failed);
  const RunReport failed = python("print('all is well')\nassert 1 == 2");
  EXPECT_EQ(failed.verdict, RunVerdict::Failed);
  EXPECT_THAT(failed.output, HasSubstr("AssertionError"));
  EXPECT_EQ(failed.detail, "ended with code 1");
  EXPECT_EQ(python("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)").verdict, RunVerdict::Failed);
}

TEST_F(SandboxTest, FilesLieSideBySide) {
  const auto report =
      sandbox_->run({Language::Python,
                     {{"tests.py", "from other import word\nprint(word)"}, {"other.py", "word = 'yes'"}},
                     "yes"});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->verdict, RunVerdict::Passed) << report->output;
  EXPECT_FALSE(sandbox_->run({Language::Python, {{"../evil.py", ""}}, ""}));
  EXPECT_FALSE(sandbox_->run({Language::Python, {}, ""}));
}

TEST_F(SandboxTest, ThereIsNoNetwork) {
  const RunReport report = python(
      "import socket\n"
      "s = socket.socket()\n"
      "s.settimeout(2)\n"
      "try:\n    s.connect(('1.1.1.1', 80))\n    print('connected')\n"
      "except OSError as error:\n    print('refused', error)\n"
      "interfaces = [name for _, name in socket.if_nameindex()]\n"
      "print('all is well' if interfaces == ['lo'] else interfaces)\n");
  EXPECT_EQ(report.verdict, RunVerdict::Passed) << report.output;
  EXPECT_THAT(report.output, HasSubstr("refused"));
}

TEST_F(SandboxTest, NothingOutsideCanBeWrittenOrSeen) {
  const std::string outside = std::filesystem::temp_directory_path() / "moestress-sandbox-test-outside";
  std::filesystem::remove(outside);
  const RunReport report = python(
      "import os\n"
      "for path in ('/usr/x', '/usr/bin/x', '/etc/x', '/x', '/work/x', '/dev/x', '/home/x', '/root/x', "
      "'/var/x'):\n"
      "    try:\n        open(path, 'w').write('x')\n        print('written', path)\n"
      "    except OSError:\n        pass\n"
      "open('" +
      outside + "', 'w').write('x') if '" + outside +
      "'.startswith('/tmp/') else None\n"
      "print(sorted(os.listdir('/')))\n"
      "print([p for p in ('/root', '/home', '/etc/passwd', '/proc/1') if os.path.exists(p)])\n"
      "print(sorted(os.environ))\n"
      "print('all is well')\n");
  EXPECT_EQ(report.verdict, RunVerdict::Passed) << report.output;
  EXPECT_THAT(report.output, testing::Not(HasSubstr("written")));
  EXPECT_THAT(report.output, HasSubstr("\n[]\n")) << "no home, no users, no processes";
  EXPECT_FALSE(std::filesystem::exists(outside)) << "/tmp is its own";
}

TEST_F(SandboxTest, AnEndlessLoopIsEnded) {
  const RunReport busy = python("while True:\n    pass");
  EXPECT_EQ(busy.verdict, RunVerdict::TimedOut) << busy.detail;
  const RunReport asleep = python("import time\ntime.sleep(1000)");
  EXPECT_EQ(asleep.verdict, RunVerdict::TimedOut) << asleep.detail;
  EXPECT_LT(asleep.seconds, 20);
}

TEST_F(SandboxTest, AMemoryHogIsEnded) {
  EXPECT_EQ(python("x = []\nwhile True:\n    x.append('y' * 10_000_000)").verdict,
            RunVerdict::MemoryExceeded);
  const RunReport files = python(
      "data = b'x' * 900_000\n"
      "try:\n    for i in range(1000):\n        open(f'/tmp/{i}', 'wb').write(data)\n    print('all "
      "written')\n"
      "except OSError as error:\n    print('full', error)\n"
      "print('all is well')\n");
  EXPECT_THAT(files.output, HasSubstr("full"));
}

TEST_F(SandboxTest, AForkBombIsBoundedAndLeavesNothing) {
  const RunReport bomb = python(
      "import os, sys\n"
      "sys.stderr.close()\n"
      "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n");
  EXPECT_THAT(bomb.verdict, testing::AnyOf(RunVerdict::ProcessesExceeded, RunVerdict::TimedOut))
      << bomb.detail;
  EXPECT_LT(bomb.seconds, 20);
}

TEST_F(SandboxTest, WhatAProgramStartedEndsWithIt) {
  const RunReport report = python(
      "import subprocess\n"
      "subprocess.Popen(['sh', '-c', 'setsid sleep 987654 >/dev/null 2>&1 &'])\n"
      "import time\ntime.sleep(0.3)\nprint('all is well')\n");
  EXPECT_EQ(report.verdict, RunVerdict::Passed) << report.output;
  for (int i = 0; i < 100 && processes_with("987654") > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(processes_with("987654"), 0);
}

TEST_F(SandboxTest, HugeOutputIsCutOff) {
  const RunReport report = python("while True:\n    print('x' * 1000)");
  EXPECT_EQ(report.verdict, RunVerdict::OutputExceeded) << report.detail;
  EXPECT_LE(report.output.size(), SandboxLimits{}.output_bytes);
}

TEST_F(SandboxTest, AHugeFileIsCutOff) {
  const RunReport report = python("open('/tmp/big', 'wb').write(b'x' * 100_000_000)\nprint('all is well')");
  EXPECT_EQ(report.verdict, RunVerdict::Failed) << report.detail;
}

TEST_F(SandboxTest, CppIsCompiledAndRunInside) {
  if (const auto cpp = sandbox_->supports(Language::Cpp); !cpp) GTEST_SKIP() << cpp.error().message;
  const auto run = [&](const std::string& text) {
    const auto report = sandbox_->run({Language::Cpp, {{"tests.cpp", text}}, "all is well"});
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(RunReport{});
  };
  const RunReport sound = run("#include <cstdio>\nint main() { std::puts(\"all is well\"); }");
  EXPECT_EQ(sound.verdict, RunVerdict::Passed) << sound.output;
  EXPECT_EQ(run("int main() { return x; }").verdict, RunVerdict::CompileFailed);
  EXPECT_EQ(run("int main() { for (volatile int i = 0;;) i = i + 1; }").verdict, RunVerdict::TimedOut);
  EXPECT_EQ(run("#include <vector>\nint main() { std::vector<std::vector<char>> x; for (;;) x.emplace_back(1 "
                "<< 24, 'x'); }")
                .verdict,
            RunVerdict::MemoryExceeded);
  const RunReport crashed = run("int main() { *(volatile int*)0 = 1; }");
  EXPECT_EQ(crashed.verdict, RunVerdict::Failed);
  EXPECT_EQ(crashed.detail, "killed by signal 11");
}

}  // namespace
}  // namespace moestress::quality

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "workload/tasks.h"

namespace moestress::quality {

enum class RunVerdict : std::uint8_t {
  Passed,  ///< it ended well and printed the expected line
  Failed,
  CompileFailed,
  TimedOut,  ///< of wall or CPU time
  MemoryExceeded,
  OutputExceeded,
  ProcessesExceeded,
};
const char* to_string(RunVerdict verdict);  ///< "passed", "did not compile", …

struct SandboxLimits {
  base::Duration wall = std::chrono::seconds(20);
  int cpu_seconds = 4;
  std::int64_t memory_bytes = std::int64_t{512} << 20;
  std::int64_t file_bytes = std::int64_t{8}
                            << 20;  ///< of one file; all files together take at most four times as much
  int processes = 64;
  std::size_t output_bytes = std::size_t{64} << 10;
  base::Duration compile_wall = std::chrono::seconds(120);
  int compile_cpu_seconds = 60;
  std::int64_t compile_memory_bytes = std::int64_t{3} << 30;
};

struct RunReport {
  RunVerdict verdict = RunVerdict::Failed;
  std::string detail;  ///< "ended with code 1"
  std::string output;  ///< as the program wrote it: untrusted
  double seconds = 0;
};

/// Runs programs that nobody has read, in bubblewrap: without network, devices, home or a view of other
/// processes; the system's programs and libraries are there to read, and a small /tmp to write to that goes
/// with it. A value; any thread may call.
class Sandbox {
 public:
  /// Tries it. Errors: Unsupported (no bubblewrap, or it may not make namespaces), with the remedy.
  static base::Result<Sandbox> open(const SandboxLimits& limits = {});

  /// Errors: Unsupported (no interpreter or compiler in /usr), with the remedy.
  base::Status supports(workload::Language language) const;

  /// Runs it to its end or to a bound. Errors: Io, Unsupported (the sandbox itself did not come to be), Usage
  /// (a program without a file, or a file name with other than letters, digits, '.' and '_').
  base::Result<RunReport> run(const workload::Program& program) const;

 private:
  Sandbox(SandboxLimits limits, bool drop_root) : limits_(limits), drop_root_(drop_root) {}
  base::Result<RunReport> run_script(const std::string& script,
                                     const std::vector<workload::Program::File>& files,
                                     const std::string& expected_line, bool compiles) const;

  SandboxLimits limits_;
  bool drop_root_;
};

}  // namespace moestress::quality

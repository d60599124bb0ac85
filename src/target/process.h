#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace moestress::target {

/// A program to start. A relative argv[0] without a slash is looked up in PATH.
struct SpawnSpec {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours, or replacing it by name
  std::string log_path;                                          ///< stdout and stderr are appended here
  std::string working_directory;                                 ///< empty: ours
};

/// `command` as /bin/sh runs it, for `--spawn 'CMD'`.
SpawnSpec shell_command(const std::string& command);

/// A child process and everything it starts, in a process group of its own. Between us and it stands a keeper
/// process that kills the group, and whatever left the group, as soon as we let go: by stop(), by
/// destruction, or because we were killed ourselves. Owned by one; any thread may call.
class Process {
 public:
  /// Returns once the program runs. Errors: Usage (empty argv), Io (log file, working directory, program not
  /// found or not executable).
  static base::Result<std::unique_ptr<Process>> spawn(const SpawnSpec& spec);
  /// Kills what still runs and waits for its end.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int pid() const;
  bool alive() const;
  /// Absent while it runs; then how it ended: "exited with code 3", "killed by signal 9 (SIGKILL); the
  /// kernel's out-of-memory killer was at work in its memory cgroup".
  std::optional<std::string> death() const;
  /// SIGTERM to the group, SIGKILL after `grace`. Returns when nothing of it runs; Timeout if the kernel
  /// could not end it within ten further seconds. Nothing to do for one that already ended.
  base::Status stop(base::Duration grace);
  const std::string& log_path() const;
  /// Bytes that the log held before this program was started.
  std::uint64_t log_begin() const;

 private:
  struct State;
  explicit Process(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The last lines of a log, printable, each indented by two spaces; empty if there is none to read.
std::string log_tail(const std::string& path, std::size_t lines_max = 12);

}  // namespace moestress::target

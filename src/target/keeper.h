#pragma once

#include <cstdint>

namespace moestress::target {

/// What the keeper sends over its control socket, one packet each.
struct KeeperReport {
  enum Kind : std::int32_t {
    Started,  ///< value: the program's process id
    Ended,    ///< value: its wait status
  };
  std::int32_t kind = Started;
  std::int32_t value = 0;
};

/// What the keeper is told, one byte each; the end of the socket means KillGroup and is all it needs.
enum class KeeperOrder : char { TerminateGroup = 'T', KillGroup = 'K' };

/// Why the program did not come to run: sent over `exec_fd`, which closes without a word when it does.
struct ExecFailure {
  enum Stage : std::int32_t { Fork, ChangeDirectory, Execute };
  std::int32_t stage = Execute;
  std::int32_t error_number = 0;
};

/// Everything the keeper and the program need, made before the fork, since afterwards nothing may allocate.
/// The descriptors are above 2 and close on exec.
struct KeeperTask {
  const char* program = nullptr;  ///< path
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* working_directory = nullptr;  ///< null: stay
  int control_fd = -1;                      ///< SOCK_SEQPACKET, its other end held by moestress alone
  int exec_fd = -1;
  int log_fd = -1;
};

/// The life of a keeper, in a process just forked: starts the program in a group of its own, waits until it
/// ends or moestress lets go of the control socket, kills the group and whatever of it was orphaned, and
/// exits. Calls async-signal-safe functions only, since moestress has threads.
[[noreturn]] void run_keeper(const KeeperTask& task);

}  // namespace moestress::target

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/sample.h"

namespace moestress::probe {

/// One process, from /proc/PID. Fields that need a permission we lack are absent.
struct ProcessFigures {
  int pid = 0;
  int parent = 0;
  int group = 0;
  char state = '?';               ///< as in stat; 'Z' and 'X' are dead
  std::int64_t cpu_ticks = 0;     ///< user + system, of the process and of the children it waited for
  std::uint64_t start_ticks = 0;  ///< since boot; tells a reused pid from the same process
  int threads = 0;
  std::int64_t rss_anon_bytes = 0;
  std::int64_t rss_file_bytes = 0;
  std::int64_t rss_shmem_bytes = 0;
  std::int64_t swap_bytes = 0;
  std::optional<std::int64_t> read_bytes;     ///< from storage
  std::optional<std::int64_t> written_bytes;  ///< to storage
  std::optional<int> fds;
};

/// Reads the process tree of one target: its descendants, and the members of its process group if it leads
/// one (a daemonised child stays in it). Never counts moestress itself. The whole of /proc is looked through
/// only on `rescan`, since that costs 5–10 µs for every process of the machine. One owner, one thread.
class ProcessTree {
 public:
  explicit ProcessTree(int pid, std::string proc_root = "/proc");

  /// Looks for members of the tree. False if the first process is gone, or another one has its number.
  bool rescan();
  /// The members found by the last rescan that still live; empty once the first process is gone.
  std::vector<ProcessFigures> read() const;
  /// Their sums; absent once the first process is gone. `at` and `series` are left for the caller.
  std::optional<record::ProcessSample> sample() const;

  int pid() const { return pid_; }
  const std::vector<int>& members() const { return members_; }

 private:
  int pid_;
  std::string proc_root_;
  std::optional<std::uint64_t> start_ticks_;
  std::vector<int> members_;
};

/// One process's figures; absent if it is gone or a zombie that was not asked for.
std::optional<ProcessFigures> read_process(int pid, const std::string& proc_root = "/proc");

}  // namespace moestress::probe

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace moestress::target {

/// How often the kernel's out-of-memory killer has struck, as far as this process may see. Absent where
/// unreadable.
struct OomKills {
  std::optional<std::int64_t> in_cgroup;   ///< of our own memory cgroup, which our children share (v2, v1)
  std::optional<std::int64_t> on_machine;  ///< /proc/vmstat oom_kill
};

/// `root` is "" on a live machine; tests give a recorded tree.
OomKills read_oom_kills(const std::string& root = "");

/// What the growth of the counters between two readings says, "; the kernel's out-of-memory killer …", or
/// empty.
std::string describe_oom(const OomKills& before, const OomKills& after);

}  // namespace moestress::target

#include "target/oom.h"

#include <charconv>
#include <fstream>

namespace moestress::target {
namespace {

/// The number behind `key` in a file of "key number" lines.
std::optional<std::int64_t> counter(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string name;
  std::int64_t value = 0;
  while (file >> name >> value)
    if (name == key) return value;
  return std::nullopt;
}

}  // namespace

OomKills read_oom_kills(const std::string& root) {
  OomKills kills;
  kills.on_machine = counter(root + "/proc/vmstat", "oom_kill");

  // Lines are "hierarchy:controllers:path"; v2 is hierarchy 0 without controllers. In a container the path
  // may be one of the host's, while the mount shows our own group at its root.
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    const std::string mount = root + "/sys/fs/cgroup";
    for (const std::string& group : {path, std::string()}) {
      if (kills.in_cgroup) break;
      if (controllers == ",,") kills.in_cgroup = counter(mount + group + "/memory.events", "oom_kill");
      if (controllers.find(",memory,") != std::string::npos)
        kills.in_cgroup = counter(mount + "/memory" + group + "/memory.oom_control", "oom_kill");
    }
  }
  return kills;
}

std::string describe_oom(const OomKills& before, const OomKills& after) {
  const auto grew = [](const std::optional<std::int64_t>& a, const std::optional<std::int64_t>& b) {
    return a && b && *b > *a;
  };
  if (grew(before.in_cgroup, after.in_cgroup))
    return "; the kernel's out-of-memory killer was at work in its memory cgroup";
  if (grew(before.on_machine, after.on_machine))
    return "; the kernel's out-of-memory killer was at work on this machine meanwhile";
  return "";
}

}  // namespace moestress::target

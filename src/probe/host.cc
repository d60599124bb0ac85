#include "probe/host.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "probe/text_file.h"

namespace moestress::probe {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
/// Version 1 says "no limit" with the largest whole number of pages; no machine has an exabyte.
constexpr std::int64_t kNoLimitFrom = std::int64_t{1} << 60;

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

/// avg10 of the line of /proc/pressure that begins with `kind`.
std::optional<double> average(std::string_view text, std::string_view kind) {
  const auto line = value_after(text, kind);
  constexpr std::string_view kMark = "avg10=";
  const auto at = line ? line->find(kMark) : std::string_view::npos;
  if (at == std::string_view::npos) return std::nullopt;
  return parse_double(line->substr(at + kMark.size()));
}

/// What the lines of /proc/PID/cgroup name: the path of the version 1 memory controller, and of version 2.
struct CgroupPaths {
  std::optional<std::string> memory;
  std::optional<std::string> unified;
};

CgroupPaths cgroup_paths(std::string_view text) {
  CgroupPaths paths;
  for (const std::string_view line : split_lines(text)) {
    // hierarchy:controllers:path
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const std::string_view path = line.substr(second + 1);
    if (controllers == ",,") paths.unified = path;
    if (controllers.find(",memory,") != std::string::npos) paths.memory = path;
  }
  return paths;
}

std::optional<std::int64_t> read_int_file(const std::string& path) {
  const auto text = read_text_file(path);
  return text ? parse_int(*text) : std::nullopt;  // "max" is no number: no limit
}

/// Usage of the group at `path` below `mount`, or of the mount itself; the lowest limit from there up.
std::optional<CgroupMemory> read_group(const std::string& mount, std::string path, const char* used_file,
                                       const char* limit_file, int version) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path == "/") path.clear();
  if (!path.empty() && !read_text_file(mount + path + "/" + used_file)) path.clear();
  CgroupMemory memory;
  memory.version = version;
  memory.used_bytes = read_int_file(mount + path + "/" + used_file);
  while (true) {
    const auto limit = read_int_file(mount + path + "/" + limit_file);
    if (limit && *limit >= 0 && *limit < kNoLimitFrom)
      memory.limit_bytes = std::min(*limit, memory.limit_bytes.value_or(*limit));
    if (path.empty()) break;
    path.resize(path.rfind('/'));
  }
  // The root of version 2 has neither file; then there is nothing to tell.
  if (!memory.used_bytes && !memory.limit_bytes) return std::nullopt;
  return memory;
}

}  // namespace

std::optional<MemoryInfo> read_memory_info(const std::string& proc_root) {
  const auto text = read_text_file(proc_root + "/meminfo");
  if (!text) return std::nullopt;
  const auto total = kilobytes_after(*text, "MemTotal:");
  const auto available = kilobytes_after(*text, "MemAvailable:");
  if (!total || !available) return std::nullopt;
  MemoryInfo info;
  info.total_bytes = *total;
  info.available_bytes = *available;
  info.page_cache_bytes = kilobytes_after(*text, "Cached:").value_or(0) +
                          kilobytes_after(*text, "Buffers:").value_or(0) -
                          kilobytes_after(*text, "Shmem:").value_or(0);
  info.swap_total_bytes = kilobytes_after(*text, "SwapTotal:").value_or(0);
  info.swap_free_bytes = kilobytes_after(*text, "SwapFree:").value_or(0);
  return info;
}

std::optional<Pressure> read_pressure(const std::string& resource, const std::string& proc_root) {
  const auto text = read_text_file(proc_root + "/pressure/" + resource);
  const auto some = text ? average(*text, "some ") : std::nullopt;
  if (!some) return std::nullopt;
  return Pressure{*some, average(*text, "full ")};
}

std::optional<std::int64_t> read_cpu_busy_ns(const std::string& proc_root) {
  const auto text = read_text_file(proc_root + "/stat");
  auto line = text ? value_after(*text, "cpu ") : std::nullopt;
  if (!line) return std::nullopt;
  // user nice system idle iowait irq softirq steal guest guest_nice; user and nice hold the guests' time
  // already
  constexpr std::size_t kIdle = 3, kIowait = 4, kFields = 8;
  std::int64_t ticks = 0;
  std::string_view rest = trimmed(*line);
  for (std::size_t i = 0; i < kFields && !rest.empty(); ++i) {
    const auto end = std::min(rest.find(' '), rest.size());
    const auto value = parse_int(rest.substr(0, end));
    if (!value) return std::nullopt;
    if (i != kIdle && i != kIowait) ticks += *value;
    rest = trimmed(rest.substr(end));
  }
  return ticks * (kNsPerSecond / ::sysconf(_SC_CLK_TCK));
}

std::optional<CgroupMemory> read_cgroup_memory(int pid, const std::string& proc_root,
                                               const std::string& sys_root) {
  const std::string process = pid == 0 ? "self" : fmt::to_string(pid);
  const auto text = read_text_file(fmt::format("{}/{}/cgroup", proc_root, process));
  if (!text) return std::nullopt;
  const CgroupPaths paths = cgroup_paths(*text);
  // Where version 1 has the memory controller, version 2 has it not.
  if (paths.memory)
    return read_group(sys_root + "/fs/cgroup/memory", *paths.memory, "memory.usage_in_bytes",
                      "memory.limit_in_bytes", 1);
  if (paths.unified)
    return read_group(sys_root + "/fs/cgroup", *paths.unified, "memory.current", "memory.max", 2);
  return std::nullopt;
}

std::vector<NumaNode> read_numa_nodes(const std::string& sys_root) {
  std::vector<NumaNode> nodes;
  const std::string folder = sys_root + "/devices/system/node";
  for (const int number : numbered_entries(folder, "node")) {
    const std::string node = fmt::format("{}/node{}", folder, number);
    const auto text = read_text_file(node + "/meminfo");
    if (!text) continue;
    const auto total = kilobytes_after(*text, fmt::format("Node {} MemTotal:", number));
    const auto free = kilobytes_after(*text, fmt::format("Node {} MemFree:", number));
    if (!total || !free) continue;
    const auto cpus = read_text_file(node + "/cpulist");
    nodes.push_back({number, cpus ? std::string(trimmed(*cpus)) : "", *total, *free});
  }
  return nodes;
}

std::optional<record::HostSample> read_host(const std::string& proc_root, const std::string& sys_root) {
  const auto memory = read_memory_info(proc_root);
  const auto busy = read_cpu_busy_ns(proc_root);
  if (!memory || !busy) return std::nullopt;
  record::HostSample sample;
  sample.memory_total_bytes = memory->total_bytes;
  sample.memory_available_bytes = memory->available_bytes;
  sample.page_cache_bytes = memory->page_cache_bytes;
  sample.swap_used_bytes = memory->swap_total_bytes - memory->swap_free_bytes;
  sample.cpu_busy_ns = *busy;
  if (const auto pressure = read_pressure("memory", proc_root)) sample.memory_pressure_some = pressure->some;
  if (const auto pressure = read_pressure("cpu", proc_root)) sample.cpu_pressure_some = pressure->some;
  if (const auto pressure = read_pressure("io", proc_root)) sample.io_pressure_some = pressure->some;
  if (const auto cgroup = read_cgroup_memory(0, proc_root, sys_root)) {
    sample.cgroup_used_bytes = cgroup->used_bytes;
    sample.cgroup_limit_bytes = cgroup->limit_bytes;
  }
  return sample;
}

}  // namespace moestress::probe

#include "probe/cpu.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "probe/text_file.h"

namespace moestress::probe {
namespace {

/// What a line "key : value" of cpuinfo says.
std::string field(const std::string& cpuinfo, std::string_view key) {
  const auto rest = value_after(cpuinfo, key);
  const auto colon = rest ? rest->find(':') : std::string_view::npos;
  return colon == std::string_view::npos ? std::string() : std::string(trimmed(rest->substr(colon + 1)));
}

std::string model_of(const std::string& cpuinfo) {
  if (std::string name = field(cpuinfo, "model name"); !name.empty()) return name;
  const std::string implementer = field(cpuinfo, "CPU implementer");
  if (implementer.empty()) return {};
  return fmt::format("implementer {}, part {}", implementer, field(cpuinfo, "CPU part"));
}

/// "8192K" or "32M" in bytes; 0 if it is neither.
std::int64_t cache_bytes(std::string_view text) {
  const std::int64_t number = parse_int(text).value_or(0);
  const char unit = text.empty() ? ' ' : text.back();
  if (number < 0 || number > (std::int64_t{1} << 40)) return 0;
  return unit == 'K' ? number << 10 : unit == 'M' ? number << 20 : unit == 'G' ? number << 30 : number;
}

std::string read_trimmed(const std::string& path) {
  const auto text = read_text_file(path);
  return text ? std::string(trimmed(*text)) : std::string();
}

/// The caches of the highest level that one CPU has, by who shares them.
void add_last_level_cache(const std::string& cpu_folder, std::map<std::string, std::int64_t>& caches,
                          int& level) {
  for (const int index : numbered_entries(cpu_folder + "/cache", "index")) {
    const std::string cache = fmt::format("{}/cache/index{}", cpu_folder, index);
    const int its_level = static_cast<int>(parse_int(read_trimmed(cache + "/level")).value_or(0));
    if (its_level < level || read_trimmed(cache + "/type") == "Instruction") continue;
    if (its_level > level) caches.clear();
    level = its_level;
    caches[read_trimmed(cache + "/shared_cpu_list")] = cache_bytes(read_trimmed(cache + "/size"));
  }
}

std::optional<bool> boost_of(const std::string& cpu_root) {
  if (const auto boost = read_text_file(cpu_root + "/cpufreq/boost")) return parse_int(*boost) == 1;
  if (const auto off = read_text_file(cpu_root + "/intel_pstate/no_turbo")) return parse_int(*off) == 0;
  return std::nullopt;
}

}  // namespace

CpuInfo read_cpu_info(const std::string& proc_root, const std::string& sys_root) {
  CpuInfo info;
  const std::string cpuinfo = read_text_file(proc_root + "/cpuinfo").value_or("");
  info.model = model_of(cpuinfo);
  if (const std::string flags = field(cpuinfo, "flags"); !flags.empty())
    info.hypervisor = fmt::format(" {} ", flags).find(" hypervisor ") != std::string::npos;

  const std::string cpu_root = sys_root + "/devices/system/cpu";
  std::set<std::pair<std::string, std::string>> cores;
  std::set<std::string> packages, governors;
  std::map<std::string, std::int64_t> caches;
  int level = 1;
  for (const int cpu : numbered_entries(cpu_root, "cpu")) {
    const std::string folder = fmt::format("{}/cpu{}", cpu_root, cpu);
    const std::string core = read_trimmed(folder + "/topology/core_id");
    if (core.empty()) continue;  // offline
    const std::string package = read_trimmed(folder + "/topology/physical_package_id");
    ++info.logical;
    cores.emplace(package, core);
    packages.insert(package);
    add_last_level_cache(folder, caches, level);
    if (std::string governor = read_trimmed(folder + "/cpufreq/scaling_governor"); !governor.empty())
      governors.insert(std::move(governor));
  }
  info.cores = static_cast<int>(cores.size());
  info.packages = static_cast<int>(packages.size());
  for (const auto& [shared_by, bytes] : caches) info.last_level_cache_bytes += bytes;
  info.governors.assign(governors.begin(), governors.end());
  info.boost = boost_of(cpu_root);
  if (info.logical == 0) {
    for (const std::string_view line : split_lines(cpuinfo))
      info.logical += line.substr(0, 9) == "processor" ? 1 : 0;
  }
  return info;
}

}  // namespace moestress::probe

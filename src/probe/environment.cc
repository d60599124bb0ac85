#include "probe/environment.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "probe/cpu.h"
#include "probe/host.h"
#include "probe/nvml.h"
#include "probe/text_file.h"

namespace moestress::probe {
namespace {

using nlohmann::json;

template <class T>
json optional_json(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json text_json(const std::string& text) { return text.empty() ? json() : json(text); }

std::string first_line(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text) return {};
  return std::string(trimmed(text->substr(0, text->find('\n'))));
}

/// PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
std::string system_name(const std::string& os_release) {
  const auto text = read_text_file(os_release);
  const auto value = text ? value_after(*text, "PRETTY_NAME=") : std::nullopt;
  std::string_view name = value ? trimmed(*value) : std::string_view();
  if (name.size() >= 2 && (name.front() == '"' || name.front() == '\''))
    name = name.substr(1, name.size() - 2);
  return std::string(name);
}

json cpu_json(const CpuInfo& cpu) {
  const auto known = [](auto number) { return number > 0 ? json(number) : json(); };
  return {{"model", text_json(cpu.model)},
          {"logical", known(cpu.logical)},
          {"cores", known(cpu.cores)},
          {"packages", known(cpu.packages)},
          {"last_level_cache_bytes", known(cpu.last_level_cache_bytes)}};
}

json memory_json(const std::optional<MemoryInfo>& memory) {
  if (!memory) return {};
  return {{"total_bytes", memory->total_bytes},
          {"available_bytes", memory->available_bytes},
          {"swap_bytes", memory->swap_total_bytes}};
}

json cgroup_json(const std::optional<CgroupMemory>& cgroup) {
  if (!cgroup) return {};
  return {{"version", cgroup->version}, {"memory_limit_bytes", optional_json(cgroup->limit_bytes)}};
}

json numa_json(const std::vector<NumaNode>& nodes) {
  json out = json::array();
  for (const NumaNode& node : nodes)
    out.push_back({{"node", node.node}, {"cpus", node.cpus}, {"total_bytes", node.total_bytes}});
  return out;
}

json gpus_json(const std::string& library, json& driver) {
  json out = json::array();
  const auto nvml = Nvml::open(library);
  if (!nvml) return out;
  driver = text_json((*nvml)->driver_version());
  for (int i = 0; i < (*nvml)->count(); ++i) {
    const GpuFigures gpu = (*nvml)->read(i);
    out.push_back({{"index", gpu.index},
                   {"name", text_json(gpu.name)},
                   {"total_bytes", optional_json(gpu.total_bytes)},
                   {"memory_call_version", gpu.memory_version}});
  }
  return out;
}

json virtualisation_json(const CpuInfo& cpu, const EnvironmentOptions& options) {
  return {{"hypervisor", optional_json(cpu.hypervisor)},
          {"product", text_json(first_line(options.sys_root + "/class/dmi/id/product_name"))}};
}

}  // namespace

std::string environment_json(const EnvironmentOptions& options) {
  const CpuInfo cpu = read_cpu_info(options.proc_root, options.sys_root);
  json driver;
  json out;
  out["cpu"] = cpu_json(cpu);
  out["memory"] = memory_json(read_memory_info(options.proc_root));
  out["cgroup"] = cgroup_json(read_cgroup_memory(0, options.proc_root, options.sys_root));
  out["numa"] = numa_json(read_numa_nodes(options.sys_root));
  out["gpus"] = gpus_json(options.nvml_library, driver);
  out["gpu_driver"] = driver;
  out["kernel"] = text_json(first_line(options.proc_root + "/sys/kernel/osrelease"));
  out["os"] = text_json(system_name(options.os_release));
  out["governor"] = cpu.governors.empty() ? json() : json(cpu.governors);
  out["boost"] = optional_json(cpu.boost);
  out["virtualisation"] = virtualisation_json(cpu, options);
  json versions = json::object();
  for (const auto& [name, version] : options.versions) versions[name] = version;
  out["versions"] = versions;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace moestress::probe

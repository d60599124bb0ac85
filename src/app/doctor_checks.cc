#include "app/doctor_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/text.h"
#include "engine/model.h"
#include "probe/bandwidth.h"
#include "probe/cpu.h"
#include "probe/host.h"
#include "probe/nvml.h"
#include "probe/page_cache.h"
#include "probe/process.h"
#include "probe/text_file.h"
#include "quality/sandbox.h"

namespace moestress::app {
namespace {

using State = DoctorCheck::State;
namespace fs = std::filesystem;

constexpr double kMemoryWanted = 4e9;
constexpr double kDiskWanted = 2e9;
constexpr double kQuietLoad = 0.25;  // of the CPUs, from other programs

std::string bytes_text(std::int64_t bytes) { return base::human_bytes(static_cast<double>(bytes)); }

std::string count_text(int count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

DoctorCheck check_cpu() {
  const probe::CpuInfo cpu = probe::read_cpu_info();
  if (cpu.logical == 0)
    return {"cpu", "CPU", State::Missing, "neither /proc/cpuinfo nor /sys tells of any",
            "mount /proc and /sys into the container"};
  std::string found = fmt::format("{}, {}", cpu.model.empty() ? "unknown model" : cpu.model,
                                  count_text(cpu.logical, "logical CPU"));
  if (cpu.cores > 0) found += fmt::format(" on {}", count_text(cpu.cores, "core"));
  if (cpu.last_level_cache_bytes > 0)
    found += fmt::format(", {} last-level cache", bytes_text(cpu.last_level_cache_bytes));
  if (cpu.logical < 2)
    return {"cpu", "CPU", State::Limited, found,
            "give the machine a second CPU: client and server share this one, so latencies hold both"};
  return {"cpu", "CPU", State::Ok, found, ""};
}

DoctorCheck check_memory() {
  const auto memory = probe::read_memory_info();
  if (!memory)
    return {"memory", "Memory", State::Missing, "/proc/meminfo can't be read",
            "mount /proc into the container"};
  std::int64_t usable = memory->available_bytes;
  std::string found = fmt::format("{}, {} available", bytes_text(memory->total_bytes), bytes_text(usable));
  if (const auto cgroup = probe::read_cgroup_memory(); cgroup && cgroup->limit_bytes) {
    found +=
        fmt::format("; the cgroup (version {}) allows {}", cgroup->version, bytes_text(*cgroup->limit_bytes));
    usable = std::min(usable, *cgroup->limit_bytes - cgroup->used_bytes.value_or(0));
  } else {
    found += "; no cgroup limit";
  }
  if (static_cast<double>(usable) < kMemoryWanted)
    return {"memory", "Memory", State::Limited, found,
            "end other programs or raise the limit: a model's experts must fit into memory that is free"};
  return {"memory", "Memory", State::Ok, found, ""};
}

DoctorCheck check_noise() {
  const probe::CpuInfo cpu = probe::read_cpu_info();
  std::vector<std::string> found, remedies;
  if (cpu.governors.empty()) {
    found.push_back("no frequency governor to be seen");
  } else {
    found.push_back(fmt::format("governor {}", fmt::join(cpu.governors, ", ")));
    if (cpu.governors != std::vector<std::string>{"performance"})
      remedies.push_back("`cpupower frequency-set -g performance` keeps the clock from following the load");
  }
  if (cpu.hypervisor.value_or(false)) found.push_back("a virtual machine, whose host may be busy");
  double loads[1] = {};
  if (::getloadavg(loads, 1) == 1) {
    found.push_back(fmt::format("load {:.2f}", loads[0]));
    if (loads[0] > kQuietLoad * std::max(1, cpu.logical))
      remedies.push_back("other programs use the CPUs: end them, or the speed figures hold them too");
  }
  if (const auto source =
          probe::read_text_file("/sys/devices/system/clocksource/clocksource0/current_clocksource")) {
    const std::string name(probe::trimmed(*source));
    found.push_back(fmt::format("clock {}", name));
    if (name == "hpet" || name == "acpi_pm" || name == "jiffies")
      remedies.push_back(
          "this clock takes a microsecond to read: boot with clocksource=tsc where the CPU allows it");
  }
  return {"noise", "Noise", remedies.empty() ? State::Ok : State::Limited,
          fmt::format("{}", fmt::join(found, ", ")), fmt::format("{}", fmt::join(remedies, "; "))};
}

void add_engine_checks(std::vector<DoctorCheck>& checks) {
  bool gpu = false;
  for (const engine::Device& device : engine::devices()) {
    gpu = gpu || device.gpu;
    DoctorCheck check{"device:" + device.name, "Device " + device.name, State::Ok,
                      base::printable(device.description, 120), ""};
    if (device.memory_bytes > 0)
      check.found += fmt::format(", {}", bytes_text(static_cast<std::int64_t>(device.memory_bytes)));
    if (device.software) {
      check.state = State::Limited;
      check.found += ", software Vulkan device";
      check.remedy = "placement and memory are real on it, speed is not: C1 is decided on a GPU only";
    }
    checks.push_back(std::move(check));
  }
  if (!gpu)
    checks.push_back(
        {"device:gpu", "Engine device", State::Missing, "the engine finds the CPU alone",
         "install a GPU's Vulkan driver, or mesa-vulkan-drivers for a stand-in made of software, or "
         "build with -DLLAMA_ROOT= a llama.cpp for your GPU; until then C2 and GPU-only comparisons "
         "are skipped"});
}

DoctorCheck check_nvml() {
  const auto nvml = probe::Nvml::open();
  if (!nvml) return {"nvml", "NVML", State::Missing, "", nvml.error().message};
  std::vector<std::string> names;
  bool processes = true;
  for (int i = 0; i < (*nvml)->count(); ++i) {
    const probe::GpuFigures gpu = (*nvml)->read(i);
    names.push_back(fmt::format("{} ({}, memory call version {})", gpu.name,
                                bytes_text(gpu.total_bytes.value_or(0)), gpu.memory_version));
    processes = processes && gpu.process_bytes.has_value();
  }
  const std::string found = fmt::format("driver {}: {}", (*nvml)->driver_version(), fmt::join(names, ", "));
  if (!processes)
    return {"nvml", "NVML", State::Limited, found + "; memory by process is not told",
            "run outside the container, or with its host's process numbers (--pid=host), for C2's process "
            "figure"};
  return {"nvml", "NVML", State::Ok, found, ""};
}

DoctorCheck check_vulkan_drivers() {
  std::vector<std::string> drivers;
  for (const char* folder :
       {"/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == ".json")
        drivers.push_back(base::printable(entry.path().stem().string(), 80));
  }
  std::sort(drivers.begin(), drivers.end());
  if (drivers.empty())
    return {"vulkan", "Vulkan drivers", State::Missing, "none is installed",
            "install your GPU's driver, or mesa-vulkan-drivers"};
  return {"vulkan", "Vulkan drivers", State::Ok, fmt::format("{}", fmt::join(drivers, ", ")), ""};
}

DoctorCheck check_sandbox() {
  const auto sandbox = quality::Sandbox::open();
  if (!sandbox)
    return {"sandbox", "Sandbox", State::Missing, "no code can be run in one",
            sandbox.error().message + "; until then test 6.2 asks for no code"};
  std::vector<std::string> works, missing;
  for (const auto language : {workload::Language::Python, workload::Language::Cpp}) {
    const auto there = sandbox->supports(language);
    if (there) works.emplace_back(workload::to_string(language));
    if (!there) missing.push_back(there.error().message);
  }
  if (missing.empty())
    return {"sandbox", "Sandbox", State::Ok, fmt::format("bubblewrap runs {}", fmt::join(works, " and ")),
            ""};
  return {"sandbox", "Sandbox", State::Limited,
          works.empty() ? "bubblewrap works" : fmt::format("bubblewrap runs {}", fmt::join(works, " and ")),
          fmt::format("{}; until then test 6.2 asks for no code in it", fmt::join(missing, "; "))};
}

DoctorCheck check_bandwidth() {
  const auto bandwidth = probe::measure_bandwidth();
  if (!bandwidth)
    return {"bandwidth", "Memory bandwidth", State::Missing, bandwidth.error().message,
            "free some memory: without it the roofline of test 5.2 is missing"};
  const std::string found =
      fmt::format("read {:.1f} GB/s, triad {:.1f} GB/s ({}, arrays of {}, best of {})",
                  bandwidth->read.best_bytes_per_s / 1e9, bandwidth->triad.best_bytes_per_s / 1e9,
                  count_text(bandwidth->threads, "thread"),
                  bytes_text(static_cast<std::int64_t>(bandwidth->array_bytes)), bandwidth->repetitions);
  if (!bandwidth->arrays_exceed_cache)
    return {"bandwidth", "Memory bandwidth", State::Limited, found,
            "the arrays are not four times the last-level cache, or its size is unknown: the figures may be "
            "of the "
            "cache, so the roofline is an upper bound"};
  return {"bandwidth", "Memory bandwidth", State::Ok, found, ""};
}

DoctorCheck check_disk(const std::string& directory) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  if (error)
    return {"disk", "Disk", State::Missing, fmt::format("{}: {}", directory, error.message()),
            "name a folder that exists with --out"};
  const std::string found =
      fmt::format("{} free in {}", bytes_text(static_cast<std::int64_t>(space.available)), directory);
  if (static_cast<double>(space.available) < kDiskWanted)
    return {"disk", "Disk", State::Limited, found, "free some, or keep runs elsewhere with --out"};
  return {"disk", "Disk", State::Ok, found, ""};
}

DoctorCheck check_pressure() {
  const auto memory = probe::read_pressure("memory");
  const auto cpu = probe::read_pressure("cpu");
  if (!memory || !cpu)
    return {"pressure", "Pressure (PSI)", State::Missing, "the kernel does not tell",
            "boot with psi=1 to see whether memory or CPUs were short during a run"};
  return {"pressure", "Pressure (PSI)", State::Ok,
          fmt::format("CPU {:.1f} %, memory {:.1f} % of the last 10 s", cpu->some, memory->some), ""};
}

DoctorCheck check_process_figures() {
  const auto self = probe::read_process(::getpid());
  if (!self)
    return {"process", "Process figures", State::Missing, "/proc/PID/status can't be read",
            "mount /proc without hidepid, on Linux 4.5 or later: C2 and C3 rest on it"};
  if (!self->fds || !self->read_bytes)
    return {"process", "Process figures", State::Limited,
            "memory and CPU time; neither open files nor disk reads",
            "run as the user that the server runs as, with ptrace allowed"};
  return {"process", "Process figures", State::Ok, "memory, CPU time, open files, disk reads", ""};
}

DoctorCheck check_perf() {
  const auto text = probe::read_text_file("/proc/sys/kernel/perf_event_paranoid");
  const auto level = text ? probe::parse_int(*text) : std::nullopt;
  if (!level)
    return {"perf", "perf", State::Missing, "the kernel has no performance events",
            "nothing here needs them; `perf` itself won't work on this machine"};
  if (*level > 2)
    return {"perf", "perf", State::Limited,
            fmt::format("perf_event_paranoid is {}: not for this user", *level),
            "`sysctl kernel.perf_event_paranoid=2` to profile a server with `perf`; nothing here needs it"};
  return {"perf", "perf", State::Ok, fmt::format("perf_event_paranoid is {}", *level), ""};
}

void add_page_cache_checks(const std::vector<std::string>& models, std::vector<DoctorCheck>& checks) {
  if (models.empty()) {
    const bool all = ::geteuid() == 0;
    checks.push_back({"page_cache", "Page cache", all ? State::Ok : State::Limited,
                      all ? "told of every file" : "told of files that this user owns or may write",
                      all ? "" : "`moestress doctor -m MODEL.gguf` tells of a model; run as its owner"});
  }
  for (const std::string& model : models) {
    const auto residency = probe::page_cache_residency(model);
    if (!residency) {
      checks.push_back({"page_cache", "Page cache", State::Missing, model, residency.error().message});
      continue;
    }
    checks.push_back({"page_cache", "Page cache", State::Ok,
                      fmt::format("{} of {} of {} are cached", bytes_text(residency->resident_bytes),
                                  bytes_text(residency->file_bytes), model),
                      ""});
  }
}

DoctorCheck check_numa() {
  const auto nodes = probe::read_numa_nodes();
  if (nodes.empty())
    return {"numa", "NUMA", State::Missing, "/sys does not tell of memory nodes",
            "mount /sys into the container"};
  std::vector<std::string> parts;
  parts.reserve(nodes.size());
  for (const probe::NumaNode& node : nodes)
    parts.push_back(fmt::format("node {} {}{}", node.node, bytes_text(node.total_bytes),
                                node.cpus.empty() ? " without CPUs" : ""));
  return {"numa", "NUMA", State::Ok, fmt::format("{}", fmt::join(parts, ", ")), ""};
}

}  // namespace

const char* to_string(DoctorCheck::State state) {
  switch (state) {
    case State::Ok:
      return "ok";
    case State::Limited:
      return "limited";
    case State::Missing:
      return "missing";
  }
  return "unknown";
}

std::vector<DoctorCheck> run_doctor_checks(const DoctorOptions& options) {
  std::vector<DoctorCheck> checks;
  checks.push_back(check_cpu());
  checks.push_back(check_memory());
  checks.push_back(check_numa());
  checks.push_back(check_noise());
  checks.push_back(check_bandwidth());
  add_engine_checks(checks);
  checks.push_back(check_nvml());
  checks.push_back(check_vulkan_drivers());
  checks.push_back(check_process_figures());
  checks.push_back(check_pressure());
  add_page_cache_checks(options.models, checks);
  checks.push_back(check_perf());
  checks.push_back(check_sandbox());
  checks.push_back(check_disk(options.directory));
  return checks;
}

}  // namespace moestress::app

#include "probe/nvml.h"

#include <dlfcn.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "probe/nvml_abi.h"

namespace moestress::probe {
namespace {

using base::ErrorCode;
namespace abi = nvml_abi;

constexpr unsigned kProcessesMax = 1024;
constexpr unsigned kGpusMax = 64;

struct CloseLibrary {
  void operator()(void* handle) const { ::dlclose(handle); }
};

template <class Function>
Function symbol(void* handle, const char* name) {
  return reinterpret_cast<Function>(::dlsym(handle, name));
}

}  // namespace

/// The opened library with the calls that it has; one that it lacks is null and counts as failed.
class Nvml::Library {
 public:
  static base::Result<std::unique_ptr<Library>> open(const std::string& name) {
    auto library = std::make_unique<Library>();
    library->handle_.reset(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (!library->handle_)
      return base::fail(
          ErrorCode::Unsupported,
          "no NVIDIA GPU is measured: {}; install the NVIDIA driver, or pass its libraries into the "
          "container",
          base::printable(::dlerror()));
    library->load();
    if (library->init_ == nullptr || library->shutdown_ == nullptr || library->count_ == nullptr ||
        library->handle_by_index_ == nullptr)
      return base::fail(ErrorCode::Unsupported,
                        "no NVIDIA GPU is measured: {} is no NVML of version 4 or later", name);
    if (const abi::Return code = library->init_(); code != abi::kSuccess)
      return base::fail(
          ErrorCode::Unsupported,
          "no NVIDIA GPU is measured: NVML: {}; is the driver loaded, and is the device passed into "
          "the container?",
          library->reason(code));
    library->initialised_ = true;
    unsigned count = 0;
    if (const abi::Return code = library->count_(&count); code != abi::kSuccess)
      return base::fail(ErrorCode::Unsupported, "no NVIDIA GPU is measured: NVML: {}", library->reason(code));
    if (count == 0)
      return base::fail(ErrorCode::Unsupported,
                        "no NVIDIA GPU is measured: the driver is there, but finds none");
    library->gpus_ = static_cast<int>(std::min(count, kGpusMax));
    return library;
  }

  ~Library() {
    if (initialised_) shutdown_();
  }

  int gpus() const { return gpus_; }

  std::string driver_version() const {
    char version[96] = {};
    if (driver_version_ == nullptr || driver_version_(version, sizeof version - 1) != abi::kSuccess)
      return {};
    return base::printable(version);
  }

  GpuFigures read(int index) const {
    GpuFigures figures;
    figures.index = index;
    abi::Device device = nullptr;
    if (handle_by_index_(static_cast<unsigned>(index), &device) != abi::kSuccess) return figures;
    char name[128] = {};
    if (name_ != nullptr && name_(device, name, sizeof name - 1) == abi::kSuccess)
      figures.name = base::printable(name);
    read_memory(device, figures);
    abi::Utilization utilization{};
    if (utilization_ != nullptr && utilization_(device, &utilization) == abi::kSuccess)
      figures.utilisation = utilization.gpu / 100.0;
    unsigned milliwatts = 0;
    if (power_ != nullptr && power_(device, &milliwatts) == abi::kSuccess)
      figures.power_watts = milliwatts / 1000.0;
    unsigned long long millijoules = 0;
    if (energy_ != nullptr && energy_(device, &millijoules) == abi::kSuccess)
      figures.energy_joules = static_cast<double>(millijoules) / 1000.0;
    figures.process_bytes = processes(device);
    return figures;
  }

 private:
  void load() {
    void* handle = handle_.get();
    init_ = symbol<abi::Init>(handle, "nvmlInit_v2");
    shutdown_ = symbol<abi::Shutdown>(handle, "nvmlShutdown");
    error_string_ = symbol<abi::ErrorString>(handle, "nvmlErrorString");
    driver_version_ = symbol<abi::GetDriverVersion>(handle, "nvmlSystemGetDriverVersion");
    count_ = symbol<abi::GetCount>(handle, "nvmlDeviceGetCount_v2");
    handle_by_index_ = symbol<abi::GetHandleByIndex>(handle, "nvmlDeviceGetHandleByIndex_v2");
    name_ = symbol<abi::GetName>(handle, "nvmlDeviceGetName");
    memory_ = symbol<abi::GetMemory>(handle, "nvmlDeviceGetMemoryInfo");
    memory_v2_ = symbol<abi::GetMemoryV2>(handle, "nvmlDeviceGetMemoryInfo_v2");
    utilization_ = symbol<abi::GetUtilization>(handle, "nvmlDeviceGetUtilizationRates");
    power_ = symbol<abi::GetPowerUsage>(handle, "nvmlDeviceGetPowerUsage");
    energy_ = symbol<abi::GetTotalEnergy>(handle, "nvmlDeviceGetTotalEnergyConsumption");
    compute_processes_ = running_processes("nvmlDeviceGetComputeRunningProcesses");
    graphics_processes_ = running_processes("nvmlDeviceGetGraphicsRunningProcesses");
  }

  /// Versions 2 and 3 of these calls share one layout; version 1 has another and is left alone.
  abi::GetRunningProcesses running_processes(const std::string& name) const {
    const auto third = symbol<abi::GetRunningProcesses>(handle_.get(), (name + "_v3").c_str());
    return third != nullptr ? third : symbol<abi::GetRunningProcesses>(handle_.get(), (name + "_v2").c_str());
  }

  std::string reason(abi::Return code) const {
    const char* text = error_string_ != nullptr ? error_string_(code) : nullptr;
    return text != nullptr ? base::printable(text) : fmt::format("error {}", code);
  }

  void read_memory(abi::Device device, GpuFigures& figures) const {
    abi::MemoryV2 second{};
    second.version = abi::kMemoryV2;
    if (memory_v2_ != nullptr && memory_v2_(device, &second) == abi::kSuccess) {
      figures.memory_version = 2;
      figures.total_bytes = static_cast<std::int64_t>(second.total);
      figures.reserved_bytes = static_cast<std::int64_t>(second.reserved);
      figures.used_bytes = static_cast<std::int64_t>(second.used);
      return;
    }
    abi::Memory first{};
    if (memory_ != nullptr && memory_(device, &first) == abi::kSuccess) {
      figures.memory_version = 1;
      figures.total_bytes = static_cast<std::int64_t>(first.total);
      figures.used_bytes = static_cast<std::int64_t>(first.used);
    }
  }

  /// Compute and graphics processes (Vulkan's are the latter) by pid; one that is in both lists counts once.
  /// Absent if neither list could be had, or one process's memory is not told.
  std::optional<std::vector<std::pair<int, std::int64_t>>> processes(abi::Device device) const {
    std::map<int, std::int64_t> by_pid;
    bool told = false;
    for (const auto call : {compute_processes_, graphics_processes_}) {
      if (call == nullptr) continue;
      std::vector<abi::ProcessInfo> list(kProcessesMax);
      unsigned count = kProcessesMax;
      if (call(device, &count, list.data()) != abi::kSuccess) continue;
      told = true;
      for (unsigned i = 0; i < std::min(count, kProcessesMax); ++i) {
        if (list[i].used_memory == abi::kNotAvailable) return std::nullopt;
        auto& bytes = by_pid[static_cast<int>(list[i].pid)];
        bytes = std::max(bytes, static_cast<std::int64_t>(list[i].used_memory));
      }
    }
    if (!told) return std::nullopt;
    return std::vector<std::pair<int, std::int64_t>>(by_pid.begin(), by_pid.end());
  }

  std::unique_ptr<void, CloseLibrary> handle_;
  bool initialised_ = false;
  int gpus_ = 0;
  abi::Init init_ = nullptr;
  abi::Shutdown shutdown_ = nullptr;
  abi::ErrorString error_string_ = nullptr;
  abi::GetDriverVersion driver_version_ = nullptr;
  abi::GetCount count_ = nullptr;
  abi::GetHandleByIndex handle_by_index_ = nullptr;
  abi::GetName name_ = nullptr;
  abi::GetMemory memory_ = nullptr;
  abi::GetMemoryV2 memory_v2_ = nullptr;
  abi::GetUtilization utilization_ = nullptr;
  abi::GetPowerUsage power_ = nullptr;
  abi::GetTotalEnergy energy_ = nullptr;
  abi::GetRunningProcesses compute_processes_ = nullptr;
  abi::GetRunningProcesses graphics_processes_ = nullptr;
};

Nvml::Nvml() = default;
Nvml::~Nvml() = default;

base::Result<std::unique_ptr<Nvml>> Nvml::open(const std::string& library) {
  MOESTRESS_TRY(auto opened, Library::open(library));
  std::unique_ptr<Nvml> nvml(new Nvml);
  nvml->library_ = std::move(opened);
  return nvml;
}

std::string Nvml::driver_version() const { return library_->driver_version(); }

int Nvml::count() const { return library_->gpus(); }

GpuFigures Nvml::read(int index) const { return library_->read(index); }

}  // namespace moestress::probe

#include "engine/backends.h"

#include <dlfcn.h>
#include <fmt/ranges.h>
#include <ggml-backend.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "base/check.h"
#include "engine/engine_log.h"
#include "engine/vulkan_probe.h"

namespace moestress::engine {
namespace {

/// The folder that libllama was loaded from: its backends lie beside it.
std::string engine_folder() {
  Dl_info info;
  void* symbol = dlsym(RTLD_DEFAULT, "llama_backend_init");
  if (!symbol || dladdr(symbol, &info) == 0 || !info.dli_fname) return "";
  std::error_code ignored;
  const auto path = std::filesystem::canonical(info.dli_fname, ignored);
  return path.parent_path().string();
}

bool is_software(std::string description) {
  std::transform(description.begin(), description.end(), description.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<const char*, 3> kNames{"llvmpipe", "lavapipe", "swiftshader"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](const char* name) { return description.find(name) != std::string::npos; });
}

Device describe(ggml_backend_dev_t handle) {
  Device device;
  device.name = ggml_backend_dev_name(handle);
  device.description = ggml_backend_dev_description(handle);
  device.gpu = ggml_backend_dev_type(handle) == GGML_BACKEND_DEVICE_TYPE_GPU;
  device.software = device.gpu && is_software(device.description);
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  ggml_backend_dev_memory(handle, &free_bytes, &total_bytes);
  device.memory_bytes = total_bytes;
  return device;
}

/// All that a model can be put on, GPUs first. Accelerators (BLAS) hold no weights.
std::vector<ChosenDevice> find_devices() {
  load_backends();
  std::vector<ChosenDevice> found;
  for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t handle = ggml_backend_dev_get(i);
    const auto type = ggml_backend_dev_type(handle);
    if (type == GGML_BACKEND_DEVICE_TYPE_CPU) {
      found.push_back({describe(handle), nullptr});
    } else if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) {
      found.push_back({describe(handle), handle});
    }
  }
  std::stable_partition(found.begin(), found.end(), [](const ChosenDevice& d) { return d.device.gpu; });
  return found;
}

}  // namespace

void load_backends() {
  static std::once_flag loaded;
  std::call_once(loaded, [] {
    // Which CPU variant was picked and the like: of no use to anybody but its developers.
    const LogScope scope(base::Logger(base::LogLevel::Warning), true);
    const std::string folder = engine_folder();
    const bool has_vulkan = std::filesystem::exists(std::filesystem::path(folder) / "libggml-vulkan.so");
    if (has_vulkan && !std::getenv("GGML_VK_VISIBLE_DEVICES") && only_software_vulkan()) {
      setenv("GGML_VK_VISIBLE_DEVICES", "0", 0);
    }
    ggml_backend_load_all_from_path(folder.empty() ? nullptr : folder.c_str());
    llama_backend_init();
  });
}

std::vector<Device> devices() {
  std::vector<Device> all;
  for (ChosenDevice& found : find_devices()) all.push_back(std::move(found.device));
  return all;
}

base::Result<ChosenDevice> choose_device(const std::string& name) {
  const std::vector<ChosenDevice> found = find_devices();
  if (found.empty()) {
    return base::fail(base::ErrorCode::Unsupported,
                      "The engine found no backend, not even for the CPU, beside its library in {}. "
                      "Is the llama.cpp build complete?",
                      engine_folder());
  }
  std::vector<std::string> names;
  for (const ChosenDevice& candidate : found) {
    const bool automatic = name == "auto" && (candidate.device.gpu || !candidate.handle);
    const bool by_name = name == candidate.device.name || (name == "cpu" && !candidate.handle);
    if (automatic || by_name) return candidate;
    names.push_back(candidate.device.name);
  }
  return base::fail(base::ErrorCode::Usage, "No device {} here. There are: auto, cpu, {}.", name,
                    fmt::join(names, ", "));
}

ggml_backend_device* cpu_device() {
  load_backends();
  ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  CHECK(cpu != nullptr);
  return cpu;
}

}  // namespace moestress::engine

// A library with NVML's binary interface and known answers, for the tests: built as a shared library and
// opened as the real one is. Two GPUs; MOESTRESS_FAKE_NVML chooses what is wrong with them:
//   "v1"    no second version of the memory call
//   "none"  no GPU
//   "dead"  the driver is not loaded
//   "lost"  GPU 1 has fallen off the bus
//   "hidden"  memory by process is not told, as in a container
#include <cstdlib>
#include <cstring>

#include "probe/nvml_abi.h"

namespace abi = moestress::probe::nvml_abi;

namespace {

constexpr abi::Return kInvalidArgument = 2;
constexpr abi::Return kDriverNotLoaded = 9;
constexpr abi::Return kGpuIsLost = 15;
constexpr abi::Return kArgumentVersionMismatch = 25;

bool wrong(const char* what) {
  const char* chosen = std::getenv("MOESTRESS_FAKE_NVML");
  return chosen != nullptr && std::strcmp(chosen, what) == 0;
}

unsigned long long index_of(abi::Device device) { return reinterpret_cast<unsigned long long>(device) - 1; }

abi::Return list(unsigned int* count, abi::ProcessInfo* out, const abi::ProcessInfo* from, unsigned size) {
  if (*count < size) return kInvalidArgument;
  std::memcpy(out, from, size * sizeof *from);
  *count = size;
  return abi::kSuccess;
}

}  // namespace

extern "C" {

abi::Return nvmlInit_v2() { return wrong("dead") ? kDriverNotLoaded : abi::kSuccess; }
abi::Return nvmlShutdown() { return abi::kSuccess; }
const char* nvmlErrorString(abi::Return) { return "Driver Not Loaded"; }

abi::Return nvmlSystemGetDriverVersion(char* version, unsigned int length) {
  std::strncpy(version, "550.54.15", length);
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetCount_v2(unsigned int* count) {
  *count = wrong("none") ? 0 : 2;
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetHandleByIndex_v2(unsigned int index, abi::Device* device) {
  if (index > 1) return kInvalidArgument;
  if (index == 1 && wrong("lost")) return kGpuIsLost;
  *device = reinterpret_cast<abi::Device>(static_cast<unsigned long long>(index) + 1);
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetName(abi::Device, char* name, unsigned int length) {
  std::strncpy(name, "Imaginary GH200", length);
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetMemoryInfo(abi::Device device, abi::Memory* memory) {
  *memory = {1000, 300, 700 + index_of(device)};
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetMemoryInfo_v2(abi::Device device, abi::MemoryV2* memory) {
  if (wrong("v1") || memory->version != abi::kMemoryV2) return kArgumentVersionMismatch;
  *memory = {memory->version, 1000, 100, 300, 600 + index_of(device)};
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetUtilizationRates(abi::Device, abi::Utilization* utilization) {
  *utilization = {37, 5};
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetPowerUsage(abi::Device device, unsigned int* milliwatts) {
  *milliwatts = 123456;
  return index_of(device) == 0 ? abi::kSuccess : kInvalidArgument;
}

abi::Return nvmlDeviceGetTotalEnergyConsumption(abi::Device, unsigned long long* millijoules) {
  *millijoules = 9500;
  return abi::kSuccess;
}

abi::Return nvmlDeviceGetComputeRunningProcesses_v3(abi::Device, unsigned int* count, abi::ProcessInfo* out) {
  const abi::ProcessInfo processes[] = {{100, 400, 0, 0},
                                        {101, wrong("hidden") ? abi::kNotAvailable : 50ull, 0, 0}};
  return list(count, out, processes, 2);
}

abi::Return nvmlDeviceGetGraphicsRunningProcesses_v2(abi::Device, unsigned int* count,
                                                     abi::ProcessInfo* out) {
  const abi::ProcessInfo processes[] = {{100, 400, 0, 0}, {7, 10, 0, 0}};
  return list(count, out, processes, 2);
}

}  // extern "C"

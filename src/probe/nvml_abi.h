#pragma once

// The part of NVML's binary interface that is used here, declared by hand after NVIDIA's API reference
// (docs.nvidia.com/deploy/nvml-api), so that neither CUDA nor its headers are needed to build. The layouts
// are frozen: NVML adds versions of a structure in place of changing one.

#include <cstdint>

namespace moestress::probe::nvml_abi {

using Return = int;
inline constexpr Return kSuccess = 0;
using Device = void*;

struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

struct MemoryV2 {
  unsigned int version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
};
/// NVML's rule: the structure's size, and its number in the highest byte.
inline constexpr unsigned int kMemoryV2 = sizeof(MemoryV2) | (2u << 24);

struct Utilization {
  unsigned int gpu;  ///< per cent
  unsigned int memory;
};

/// Of the calls with the suffixes _v2 and _v3.
struct ProcessInfo {
  unsigned int pid;
  unsigned long long used_memory;
  unsigned int gpu_instance;
  unsigned int compute_instance;
};
inline constexpr unsigned long long kNotAvailable = ~0ull;

static_assert(sizeof(Memory) == 24 && sizeof(MemoryV2) == 40 && sizeof(ProcessInfo) == 24);

using Init = Return (*)();
using Shutdown = Return (*)();
using ErrorString = const char* (*)(Return);
using GetDriverVersion = Return (*)(char* version, unsigned int length);
using GetCount = Return (*)(unsigned int* count);
using GetHandleByIndex = Return (*)(unsigned int index, Device* device);
using GetName = Return (*)(Device device, char* name, unsigned int length);
using GetMemory = Return (*)(Device device, Memory* memory);
using GetMemoryV2 = Return (*)(Device device, MemoryV2* memory);
using GetUtilization = Return (*)(Device device, Utilization* utilization);
using GetPowerUsage = Return (*)(Device device, unsigned int* milliwatts);
using GetTotalEnergy = Return (*)(Device device, unsigned long long* millijoules);
using GetRunningProcesses = Return (*)(Device device, unsigned int* count, ProcessInfo* processes);

}  // namespace moestress::probe::nvml_abi

#include "engine/vulkan_probe.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace moestress::engine {
namespace {

// The little of Vulkan 1.0 that counting devices takes. Its ABI is fixed by the specification, so no headers
// are needed to build, and no Vulkan to run.
using VkInstance = struct VkInstanceOpaque*;
using VkPhysicalDevice = struct VkPhysicalDeviceOpaque*;
constexpr int kVkSuccess = 0;
constexpr int kInstanceCreateInfoType = 1;     // VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO
constexpr std::uint32_t kDeviceTypeCpu = 4;    // VK_PHYSICAL_DEVICE_TYPE_CPU
constexpr std::size_t kDeviceTypeOffset = 16;  // of deviceType in VkPhysicalDeviceProperties

struct VkInstanceCreateInfo {
  int type = kInstanceCreateInfoType;
  const void* next = nullptr;
  std::uint32_t flags = 0;
  const void* application = nullptr;
  std::uint32_t layers = 0;
  const char* const* layer_names = nullptr;
  std::uint32_t extensions = 0;
  const char* const* extension_names = nullptr;
};

// VkPhysicalDeviceProperties is 824 bytes; with room, since a driver writes it.
struct alignas(8) VkPhysicalDeviceProperties {
  unsigned char bytes[2048] = {};
};

using CreateInstance = int (*)(const VkInstanceCreateInfo*, const void*, VkInstance*);
using DestroyInstance = void (*)(VkInstance, const void*);
using EnumeratePhysicalDevices = int (*)(VkInstance, std::uint32_t*, VkPhysicalDevice*);
using GetPhysicalDeviceProperties = void (*)(VkPhysicalDevice, VkPhysicalDeviceProperties*);

template <class Function>
Function symbol(void* library, const char* name) {
  return reinterpret_cast<Function>(dlsym(library, name));
}

}  // namespace

bool only_software_vulkan() {
  // Never closed: the engine's Vulkan backend opens it next, and drivers don't like to be unloaded.
  void* library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return false;
  auto create = symbol<CreateInstance>(library, "vkCreateInstance");
  auto destroy = symbol<DestroyInstance>(library, "vkDestroyInstance");
  auto enumerate = symbol<EnumeratePhysicalDevices>(library, "vkEnumeratePhysicalDevices");
  auto properties_of = symbol<GetPhysicalDeviceProperties>(library, "vkGetPhysicalDeviceProperties");
  if (!create || !destroy || !enumerate || !properties_of) return false;

  VkInstanceCreateInfo info;
  VkInstance instance = nullptr;
  if (create(&info, nullptr, &instance) != kVkSuccess) return false;
  std::uint32_t count = 0;
  std::vector<VkPhysicalDevice> devices;
  if (enumerate(instance, &count, nullptr) == kVkSuccess) {
    devices.resize(count);
    if (enumerate(instance, &count, devices.data()) != kVkSuccess) count = 0;
    devices.resize(count);
  }
  auto properties = std::make_unique<VkPhysicalDeviceProperties>();
  const bool all_software = std::all_of(devices.begin(), devices.end(), [&](VkPhysicalDevice device) {
    properties_of(device, properties.get());
    std::uint32_t type = 0;
    std::memcpy(&type, properties->bytes + kDeviceTypeOffset, sizeof type);
    return type == kDeviceTypeCpu;
  });
  destroy(instance, nullptr);
  return !devices.empty() && all_software;
}

}  // namespace moestress::engine

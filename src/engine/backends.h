#pragma once

#include <string>

#include "base/result.h"
#include "engine/model.h"

struct ggml_backend_device;
struct ggml_backend_reg;

namespace moestress::engine {

/// A device to load a model onto. `handle` is null for the CPU.
struct ChosenDevice {
  Device device;
  ggml_backend_device* handle = nullptr;
};

/// Loads the engine's backends, once in a process; cheap afterwards. Where the only Vulkan device is a
/// software one and GGML_VK_VISIBLE_DEVICES is not set, sets it, since the engine leaves such a device out
/// otherwise.
void load_backends();

/// The device of that name: "auto" (the first GPU, else the CPU), "cpu", or a Device::name.
/// Errors: Usage, naming the devices that there are.
base::Result<ChosenDevice> choose_device(const std::string& name);

/// The CPU's device; the engine always has one.
ggml_backend_device* cpu_device();

}  // namespace moestress::engine

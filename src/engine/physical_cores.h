#pragma once

#include <string>

namespace moestress::engine {

/// Physical cores that this process may run on, at least 1: what decoding gains from; hyperthreads of one
/// core share the units that it waits for. `cpu_folder` is the kernel's, or a recorded tree of it in tests.
int physical_cores(const std::string& cpu_folder = "/sys/devices/system/cpu");

}  // namespace moestress::engine

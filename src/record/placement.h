#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace moestress::record {

/// Where routed experts are asked to live, layer by layer; llama.cpp places whole tensors, so this is as fine
/// as it gets. Everything else of the model goes to the device. `plan::parse_placement` reads one.
struct ExpertPlacement {
  enum class Kind { Cpu, Gpu, FirstLayersCpu, Listed };
  Kind kind = Kind::Cpu;
  int first_layers = 0;         ///< FirstLayersCpu: experts of layers [0, first_layers) on the CPU
  std::vector<int> cpu_layers;  ///< Listed: these layers' experts on the CPU
  std::string name = "cpu";     ///< as it was asked for: "cpu", "gpu", "first:4", a file name

  bool on_cpu(int layer) const {
    switch (kind) {
      case Kind::Cpu:
        return true;
      case Kind::Gpu:
        return false;
      case Kind::FirstLayersCpu:
        return layer < first_layers;
      case Kind::Listed:
        return std::find(cpu_layers.begin(), cpu_layers.end(), layer) != cpu_layers.end();
    }
    return true;
  }
};

}  // namespace moestress::record

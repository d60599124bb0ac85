#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/batcher.h"
#include "engine/model.h"

namespace moestress::server {

/// Where one MoE layer's routed experts are.
struct LayerPlacement {
  int layer = 0;
  std::uint64_t bytes = 0;
  int tensors = 0;
  int tensors_on_host = 0;
  std::vector<std::string> devices{};  ///< more than one if a layer is torn apart
  bool on_host() const { return tensors_on_host == tensors; }
};

struct DeviceBytes {
  std::string device{};
  std::uint64_t routed_bytes = 0;
  std::uint64_t shared_bytes = 0;
};

/// Where the experts are, read back from the engine, beside where they were asked to be. With the weights on
/// the CPU all is host memory, and "on the device" can't be met: `as_asked` is then false unless all experts
/// were asked onto the CPU.
struct PlacementReport {
  std::string asked{};   ///< "cpu", "first:4", …
  std::string device{};  ///< where the other weights are
  bool as_asked = false;
  std::vector<LayerPlacement> layers{};
  std::vector<DeviceBytes> devices{};
  int routed_tensors_on_host = 0;
  int routed_tensors_on_device = 0;
};

PlacementReport placement_report(const std::vector<engine::TensorPlacement>& tensors,
                                 const record::ExpertPlacement& asked, const std::string& device);

/// What /props tells besides.
struct ServedModel {
  std::string id{};
  engine::ModelInfo info{};
  bool has_chat_template = false;
  PlacementReport placement{};
  std::vector<engine::Device> devices{};
  engine::ContextOptions context{};
  bool mmap = false;
  bool repack = false;
  int queue = 0;
  std::string version{};
  std::int64_t pid = 0;
};

/// The body of GET /props:
///
///     {"server":"moestress","version","pid",
///      "model":{"id","path","name","architecture","layers","moe_layers","experts","experts_used","experts_shared",
///               "vocabulary","embedding","context_trained","file_bytes","chat_template":bool},
///      "placement":{"asked":"cpu","device":"Vulkan0","as_asked":bool,
///                   "layers":[{"layer":0,"on_host":bool,"devices":["CPU"],"tensors":3,"bytes":1234}],
///                   "routed_tensors_on_host":N,"routed_tensors_on_device":N,
///                   "bytes":[{"device":"CPU","routed_bytes":N,"shared_bytes":N}]},
///      "memory":[{"device","host":bool,"model_bytes","context_bytes","compute_bytes"}],
///      "devices":[{"name","description","gpu":bool,"software":bool,"memory_bytes"}],
///      "slots","context_per_slot","threads","queue","mmap":bool,"repack":bool,"trace_routing":bool,
///      and llama-server's "total_slots","model_path","default_generation_settings":{"n_ctx"}}
///
/// Layers without routed experts are not in "layers"; shared experts count in "shared_bytes" only.
nlohmann::ordered_json props_json(const ServedModel& served, const std::vector<engine::MemoryUse>& memory);

}  // namespace moestress::server

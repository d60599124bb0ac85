#include "server/props.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace moestress::server {

namespace {

using Json = nlohmann::ordered_json;

void add_routed(LayerPlacement& layer, const engine::TensorPlacement& tensor) {
  layer.layer = tensor.layer;
  layer.bytes += tensor.bytes;
  ++layer.tensors;
  if (tensor.on_host) ++layer.tensors_on_host;
  if (std::find(layer.devices.begin(), layer.devices.end(), tensor.device) == layer.devices.end()) {
    layer.devices.push_back(tensor.device);
  }
}

Json placement_json(const PlacementReport& placement) {
  Json layers = Json::array();
  for (const LayerPlacement& layer : placement.layers) {
    layers.push_back({{"layer", layer.layer},
                      {"on_host", layer.on_host()},
                      {"devices", layer.devices},
                      {"tensors", layer.tensors},
                      {"bytes", layer.bytes}});
  }
  Json bytes = Json::array();
  for (const DeviceBytes& device : placement.devices) {
    bytes.push_back({{"device", device.device},
                     {"routed_bytes", device.routed_bytes},
                     {"shared_bytes", device.shared_bytes}});
  }
  return {{"asked", placement.asked},
          {"device", placement.device},
          {"as_asked", placement.as_asked},
          {"layers", std::move(layers)},
          {"routed_tensors_on_host", placement.routed_tensors_on_host},
          {"routed_tensors_on_device", placement.routed_tensors_on_device},
          {"bytes", std::move(bytes)}};
}

Json model_json(const ServedModel& served) {
  const engine::ModelInfo& info = served.info;
  return {{"id", served.id},
          {"path", info.path},
          {"name", info.name},
          {"architecture", info.architecture},
          {"layers", info.layers},
          {"moe_layers", info.moe_layers},
          {"experts", info.experts},
          {"experts_used", info.experts_used},
          {"experts_shared", info.experts_shared},
          {"vocabulary", info.vocabulary},
          {"embedding", info.embedding},
          {"context_trained", info.context_trained},
          {"file_bytes", info.file_bytes},
          {"chat_template", served.has_chat_template}};
}

}  // namespace

PlacementReport placement_report(const std::vector<engine::TensorPlacement>& tensors,
                                 const record::ExpertPlacement& asked, const std::string& device) {
  PlacementReport report{.asked = asked.name, .device = device};
  std::map<int, LayerPlacement> layers;
  std::map<std::string, DeviceBytes> devices;
  for (const engine::TensorPlacement& tensor : tensors) {
    if (tensor.role == engine::TensorRole::RoutedExpert) {
      add_routed(layers[tensor.layer], tensor);
      devices[tensor.device].routed_bytes += tensor.bytes;
      ++(tensor.on_host ? report.routed_tensors_on_host : report.routed_tensors_on_device);
    } else if (tensor.role == engine::TensorRole::SharedExpert) {
      devices[tensor.device].shared_bytes += tensor.bytes;
    }
  }
  report.as_asked = true;
  for (auto& [number, layer] : layers) {
    const bool wanted = layer.tensors_on_host == (asked.on_cpu(number) ? layer.tensors : 0);
    report.as_asked = report.as_asked && wanted;
    report.layers.push_back(std::move(layer));
  }
  for (auto& [name, bytes] : devices) {
    bytes.device = name;
    report.devices.push_back(std::move(bytes));
  }
  return report;
}

Json props_json(const ServedModel& served, const std::vector<engine::MemoryUse>& memory) {
  Json uses = Json::array();
  for (const engine::MemoryUse& use : memory) {
    uses.push_back({{"device", use.device},
                    {"host", use.host},
                    {"model_bytes", use.model_bytes},
                    {"context_bytes", use.context_bytes},
                    {"compute_bytes", use.compute_bytes}});
  }
  Json devices = Json::array();
  for (const engine::Device& device : served.devices) {
    devices.push_back({{"name", device.name},
                       {"description", device.description},
                       {"gpu", device.gpu},
                       {"software", device.software},
                       {"memory_bytes", device.memory_bytes}});
  }
  return {{"server", "moestress"},
          {"version", served.version},
          {"pid", served.pid},
          {"model", model_json(served)},
          {"placement", placement_json(served.placement)},
          {"memory", std::move(uses)},
          {"devices", std::move(devices)},
          {"slots", served.context.slots},
          {"context_per_slot", served.context.context_tokens},
          {"threads", served.context.threads},
          {"queue", served.queue},
          {"mmap", served.mmap},
          {"repack", served.repack},
          {"trace_routing", served.context.trace_routing},
          {"total_slots", served.context.slots},
          {"model_path", served.info.path},
          {"default_generation_settings", {{"n_ctx", served.context.context_tokens}}}};
}

}  // namespace moestress::server

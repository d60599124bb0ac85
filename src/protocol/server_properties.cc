#include "protocol/server_properties.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace moestress::protocol {
namespace {

using Json = nlohmann::json;

void read_devices(const Json& json, ServerProperties& properties) {
  std::map<std::string, bool> software;
  for (const Json& device : json.at("devices"))
    software[device.at("name")] = device.at("software").get<bool>();
  for (const Json& memory : json.at("memory")) {
    ServerProperties::Device device;
    device.name = memory.at("device");
    device.host = memory.at("host");
    device.software = software[device.name];
    device.model_bytes = memory.at("model_bytes");
    device.context_bytes = memory.at("context_bytes");
    device.compute_bytes = memory.at("compute_bytes");
    properties.devices.push_back(device);
  }
}

bool is_host(const ServerProperties& properties, const std::string& device) {
  return std::any_of(properties.devices.begin(), properties.devices.end(),
                     [&](const auto& known) { return known.name == device && known.host; });
}

void read_placement(const Json& json, ServerProperties& properties) {
  const Json& placement = json.at("placement");
  properties.routed_host_tensors = placement.at("routed_tensors_on_host");
  properties.routed_device_tensors = placement.at("routed_tensors_on_device");
  for (const Json& layer : placement.at("layers")) {
    const bool torn = layer.at("devices").size() > 1;
    properties.layer_devices[layer.at("layer").get<int>()] = torn                              ? "mixed"
                                                             : layer.at("on_host").get<bool>() ? "host"
                                                                                               : "device";
  }
  for (const Json& device : placement.at("bytes")) {
    const bool host = is_host(properties, device.at("device"));
    (host ? properties.routed_host_bytes : properties.routed_device_bytes) +=
        device.at("routed_bytes").get<std::uint64_t>();
    (host ? properties.shared_host_bytes : properties.shared_device_bytes) +=
        device.at("shared_bytes").get<std::uint64_t>();
  }
}

}  // namespace

std::uint64_t ServerProperties::device_bytes() const {
  std::uint64_t sum = 0;
  for (const Device& device : devices)
    if (!device.host) sum += device.total();
  return sum;
}

bool ServerProperties::has_device() const {
  return std::any_of(devices.begin(), devices.end(), [](const Device& device) { return !device.host; });
}

base::Result<ServerProperties> parse_server_properties(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    ServerProperties properties;
    read_devices(json, properties);
    read_placement(json, properties);
    properties.slots = json.at("slots");
    properties.context_tokens = json.at("context_per_slot");
    return properties;
  } catch (const Json::exception& error) {
    return base::fail(base::ErrorCode::Format,
                      "/props of the target is not what `moestress serve` answers: {}", error.what());
  }
}

}  // namespace moestress::protocol

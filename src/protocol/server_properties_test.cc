#include "protocol/server_properties.h"

#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

constexpr std::string_view kProps = R"({
  "server": "moestress", "slots": 5, "context_per_slot": 1024,
  "placement": {"asked": "first:1", "device": "Vulkan0", "as_asked": true,
    "layers": [{"layer": 0, "on_host": true, "devices": ["CPU"], "tensors": 3, "bytes": 30},
               {"layer": 1, "on_host": false, "devices": ["Vulkan0"], "tensors": 3, "bytes": 30},
               {"layer": 2, "on_host": false, "devices": ["CPU", "Vulkan0"], "tensors": 3, "bytes": 30}],
    "routed_tensors_on_host": 4, "routed_tensors_on_device": 5,
    "bytes": [{"device": "CPU", "routed_bytes": 40, "shared_bytes": 1},
              {"device": "Vulkan0", "routed_bytes": 50, "shared_bytes": 2}]},
  "memory": [{"device": "CPU", "host": true, "model_bytes": 100, "context_bytes": 0, "compute_bytes": 7},
             {"device": "Vulkan0", "host": false, "model_bytes": 200, "context_bytes": 20, "compute_bytes": 8}],
  "devices": [{"name": "CPU", "description": "", "gpu": false, "software": false, "memory_bytes": 1},
              {"name": "Vulkan0", "description": "llvmpipe", "gpu": true, "software": true, "memory_bytes": 1}]})";

TEST(ServerProperties, AreReadFromProps) {
  const auto properties = parse_server_properties(kProps);
  ASSERT_TRUE(properties) << properties.error().message;
  EXPECT_EQ(properties->routed_host_bytes, 40u);
  EXPECT_EQ(properties->routed_device_bytes, 50u);
  EXPECT_EQ(properties->shared_device_bytes, 2u);
  EXPECT_EQ(properties->layer_devices,
            (std::map<int, std::string>{{0, "host"}, {1, "device"}, {2, "mixed"}}));
  EXPECT_EQ(properties->device_bytes(), 228u);
  EXPECT_EQ(properties->slots, 5);
}

TEST(ServerProperties, GarbageIsAnError) {
  for (const char* text : {"", "[]", "{}", "{\"devices\": 3}", "null"})
    EXPECT_FALSE(parse_server_properties(text)) << text;
}

}  // namespace
}  // namespace moestress::protocol

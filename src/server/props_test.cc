#include "server/props.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace moestress::server {
namespace {

using engine::TensorPlacement;
using engine::TensorRole;

std::vector<TensorPlacement> two_layers() {
  return {
      {.name = "token_embd.weight", .bytes = 1000, .buffer = "Vulkan0", .device = "Vulkan0"},
      {.name = "blk.1.ffn_up_exps.weight",
       .layer = 1,
       .role = TensorRole::RoutedExpert,
       .bytes = 10,
       .buffer = "CPU",
       .device = "CPU",
       .on_host = true},
      {.name = "blk.1.ffn_down_exps.weight",
       .layer = 1,
       .role = TensorRole::RoutedExpert,
       .bytes = 20,
       .buffer = "CPU",
       .device = "CPU",
       .on_host = true},
      {.name = "blk.2.ffn_up_exps.weight",
       .layer = 2,
       .role = TensorRole::RoutedExpert,
       .bytes = 30,
       .buffer = "Vulkan0",
       .device = "Vulkan0"},
      {.name = "blk.2.ffn_up_shexp.weight",
       .layer = 2,
       .role = TensorRole::SharedExpert,
       .bytes = 5,
       .buffer = "Vulkan0",
       .device = "Vulkan0"},
  };
}

record::ExpertPlacement first(int layers) {
  return {.kind = record::ExpertPlacement::Kind::FirstLayersCpu,
          .first_layers = layers,
          .cpu_layers = {},
          .name = "first:2"};
}

TEST(PlacementReport, SumsByLayerAndDevice) {
  const PlacementReport report = placement_report(two_layers(), first(2), "Vulkan0");
  EXPECT_TRUE(report.as_asked);
  ASSERT_EQ(report.layers.size(), 2U);
  EXPECT_EQ(report.layers[0].layer, 1);
  EXPECT_EQ(report.layers[0].bytes, 30U);
  EXPECT_TRUE(report.layers[0].on_host());
  EXPECT_FALSE(report.layers[1].on_host());
  EXPECT_EQ(report.routed_tensors_on_host, 2);
  EXPECT_EQ(report.routed_tensors_on_device, 1);
  ASSERT_EQ(report.devices.size(), 2U);
  EXPECT_EQ(report.devices[1].device, "Vulkan0");
  EXPECT_EQ(report.devices[1].routed_bytes, 30U);
  EXPECT_EQ(report.devices[1].shared_bytes, 5U);
}

TEST(PlacementReport, SaysWhenItIsNotAsAsked) {
  EXPECT_FALSE(placement_report(two_layers(), record::ExpertPlacement{}, "Vulkan0").as_asked);
  EXPECT_FALSE(placement_report(two_layers(), first(1), "Vulkan0").as_asked);
  auto torn = two_layers();
  torn[1].on_host = false;
  torn[1].device = "Vulkan0";
  const PlacementReport report = placement_report(torn, first(2), "Vulkan0");
  EXPECT_FALSE(report.as_asked);
  EXPECT_EQ(report.layers[0].devices.size(), 2U);
  EXPECT_FALSE(report.layers[0].on_host());
}

TEST(Props, ShowWhatIsServed) {
  const ServedModel served{
      .id = "tiny",
      .info = {.path = "m.gguf", .architecture = "gpt-oss", .name = "", .experts = 32},
      .has_chat_template = true,
      .placement = placement_report(two_layers(), first(2), "Vulkan0"),
      .devices = {{.name = "Vulkan0", .description = "llvmpipe", .gpu = true, .software = true}},
      .context = {.slots = 3, .context_tokens = 512, .threads = 2},
      .mmap = false,
      .repack = false,
      .queue = 8,
      .version = "1.2.3",
      .pid = 42};
  const auto props = props_json(
      served, {{.device = "CPU", .host = true, .model_bytes = 7, .context_bytes = 8, .compute_bytes = 9}});
  EXPECT_EQ(props["model"]["experts"], 32);
  EXPECT_EQ(props["model"]["chat_template"], true);
  EXPECT_EQ(props["placement"]["asked"], "first:2");
  EXPECT_EQ(props["placement"]["layers"][0]["devices"][0], "CPU");
  EXPECT_EQ(props["placement"]["bytes"][1]["routed_bytes"], 30);
  EXPECT_EQ(props["memory"][0]["context_bytes"], 8);
  EXPECT_EQ(props["devices"][0]["software"], true);
  EXPECT_EQ(props["slots"], 3);
  EXPECT_EQ(props["total_slots"], 3);
  EXPECT_EQ(props["pid"], 42);
}

}  // namespace
}  // namespace moestress::server

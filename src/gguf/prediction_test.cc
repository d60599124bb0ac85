#include "gguf/prediction.h"

#include <gtest/gtest.h>

#include "gguf/builder_testing.h"

namespace moestress::gguf {
namespace {

TEST(Prediction, PutsTheExpertsWhereThePlacementSays) {
  const auto file = parse_bytes(mixtral_like().bytes());
  const auto topology = gguf::topology(*file);
  record::ExpertPlacement placement;  // cpu
  const auto cpu = predict(*file, *topology, placement, 3, 300, false);
  EXPECT_EQ(cpu.host.weights_bytes, 384 + kMixtralRoutedBytes);
  EXPECT_EQ(cpu.host.routed_bytes, kMixtralRoutedBytes);
  EXPECT_EQ(cpu.device.routed_bytes, 0U);
  EXPECT_EQ(cpu.device.weights_bytes, 384U + 8192 + 4096 + 2048);
  EXPECT_EQ(cpu.host.decode_routed_bytes, kMixtralRoutedBytes / 4);
  EXPECT_EQ(cpu.host.decode_bytes, kMixtralRoutedBytes / 4 + 128);  // and one row of the embedding
  EXPECT_EQ(cpu.cpu_moe_layers, 1);
  EXPECT_EQ(cpu.device.kv_bytes, 3U * 512 * 256);  // 300 tokens each, rounded up
  EXPECT_EQ(cpu.host.kv_bytes, 0U);

  placement.kind = record::ExpertPlacement::Kind::FirstLayersCpu;
  placement.first_layers = 1;  // layer 0 has no experts
  const auto first = predict(*file, *topology, placement, 1, 256, false);
  EXPECT_EQ(first.host.weights_bytes, 384U);
  EXPECT_EQ(first.device.routed_bytes, kMixtralRoutedBytes);
  EXPECT_EQ(first.cpu_moe_layers, 0);
}

TEST(Prediction, WithoutADeviceEverythingIsOnTheHostOnce) {
  Builder tied;
  tied.text("general.architecture", "x").number("x.block_count", 1).number("x.embedding_length", 64);
  tied.tensor("token_embd.weight", {64, 10}, 1).tensor("blk.0.attn_q.weight", {64, 64}, 1);
  const auto file = parse_bytes(tied.bytes());
  const auto topology = gguf::topology(*file);
  const auto cpu = predict(*file, *topology, {}, 1, 256, true);
  EXPECT_EQ(cpu.host.weights_bytes, 1280U + 8192);
  EXPECT_EQ(cpu.device.weights_bytes, 0U);
  EXPECT_EQ(cpu.host.decode_bytes, 128U + 1280 + 8192);  // a row as input, all of it as output
  const auto offloaded = predict(*file, *topology, {}, 1, 256, false);
  EXPECT_EQ(offloaded.host.weights_bytes, 1280U);
  EXPECT_EQ(offloaded.device.weights_bytes, 1280U + 8192);  // a copy of the tied table
}

}  // namespace
}  // namespace moestress::gguf

#include "gguf/roofline.h"

#include <gtest/gtest.h>

namespace moestress::gguf {
namespace {

TEST(SpeedBound, AddsWhatEveryDeviceMustRead) {
  Prediction prediction;
  prediction.device.weights_bytes = 1;
  prediction.device.decode_bytes = 3'000'000'000;
  prediction.host.decode_bytes = 1'200'000'000;
  prediction.host.decode_routed_bytes = 1'000'000'000;
  prediction.cpu_moe_layers = 10;
  prediction.kv_bytes_per_token = 30'000;
  Bandwidths bandwidths{100e9, 3000e9, 20e-6, 0.25};
  const SpeedBound bound = speed_bound(prediction, bandwidths, 1000);
  EXPECT_DOUBLE_EQ(bound.device_seconds, 1e-3);
  EXPECT_DOUBLE_EQ(bound.host_seconds, 2e-3);
  EXPECT_DOUBLE_EQ(bound.expert_seconds, 7.5e-3);
  EXPECT_DOUBLE_EQ(bound.kv_seconds, 1e-5);
  EXPECT_DOUBLE_EQ(bound.sync_seconds, 2e-4);
  EXPECT_DOUBLE_EQ(bound.tokens_per_second(), 1 / 10.71e-3);

  prediction.device = {};
  prediction.cpu_moe_layers = 0;
  EXPECT_DOUBLE_EQ(speed_bound(prediction, {100e9}, 1000).kv_seconds, 3e-4);
}

TEST(SpeedBound, DistinctExpertsOfABatch) {
  EXPECT_DOUBLE_EQ(expected_distinct_experts(32, 4, 0), 0);
  EXPECT_DOUBLE_EQ(expected_distinct_experts(32, 4, 1), 4);
  EXPECT_DOUBLE_EQ(expected_distinct_experts(32, 4, 2), 7.5);  // 4 + 4 (1 - 4/32)
  EXPECT_NEAR(expected_distinct_experts(32, 4, 1000), 32, 1e-9);
}

}  // namespace
}  // namespace moestress::gguf

#include "protocol/placement_evidence.h"

#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using record::ExpertPlacement;
using record::Verdict;

gguf::Topology topology() {
  gguf::Topology topology;
  topology.moe_layers = {1, 2, 3, 4};
  topology.routed_expert_bytes = 400'000'000;
  return topology;
}

constexpr std::uint64_t kDeviceWithoutExperts = 50'000'000;

LoadLog log_with_device(std::uint64_t bytes) {
  LoadLog log;
  log.model_bytes = {{"Vulkan0", bytes}, {"CPU", 1000}};
  return log;
}

ExpertPlacement gpu() {
  ExpertPlacement placement;
  placement.kind = ExpertPlacement::Kind::Gpu;
  placement.name = "gpu";
  return placement;
}

TEST(PlacementEvidence, AnHonestOffloadPasses) {
  const auto evidence = evidence_from_log(log_with_device(50'100'000), topology(), kDeviceWithoutExperts);
  ASSERT_TRUE(evidence);
  EXPECT_EQ(judge_placement(*evidence, ExpertPlacement{}, topology()).verdict, Verdict::Pass);
}

TEST(PlacementEvidence, AClaimedOffloadThatWasNotDoneFails) {
  const auto evidence = evidence_from_log(log_with_device(450'000'000), topology(), kDeviceWithoutExperts);
  ASSERT_TRUE(evidence);
  const auto judged = judge_placement(*evidence, ExpertPlacement{}, topology());
  EXPECT_EQ(judged.verdict, Verdict::Fail);
  EXPECT_NE(judged.reason.find("400 MB on the device"), std::string::npos) << judged.reason;
}

TEST(PlacementEvidence, ExpertsAskedOntoTheDeviceMustBeThere) {
  EXPECT_EQ(judge_placement({"engine", 0, 400'000'000, 0, 0}, gpu(), topology()).verdict, Verdict::Pass);
  EXPECT_EQ(judge_placement({"engine", 400'000'000, 0, 0, 0}, gpu(), topology()).verdict, Verdict::Fail);
}

TEST(PlacementEvidence, AsManyOfOtherLayersIsNotWhatWasAsked) {
  ExpertPlacement first_three;  // layers 0 to 2: two of the four MoE layers
  first_three.kind = ExpertPlacement::Kind::FirstLayersCpu;
  first_three.first_layers = 3;
  PlacementEvidence evidence{"engine", 200'000'000, 200'000'000, 0, 0};
  evidence.layers = {{1, "host"}, {2, "host"}, {3, "device"}, {4, "device"}};
  EXPECT_EQ(judge_placement(evidence, first_three, topology()).verdict, Verdict::Pass);
  evidence.layers = {{1, "device"}, {2, "device"}, {3, "host"}, {4, "host"}};
  const auto judged = judge_placement(evidence, first_three, topology());
  EXPECT_EQ(judged.verdict, Verdict::Fail);
  EXPECT_NE(judged.reason.find("layer 1 is \"device\""), std::string::npos) << judged.reason;
}

TEST(PlacementEvidence, HalfTheLayersIsNotAllOfThem) {
  ExpertPlacement first_three;  // layers 0 to 2: two of the four MoE layers
  first_three.kind = ExpertPlacement::Kind::FirstLayersCpu;
  first_three.first_layers = 3;
  EXPECT_EQ(judge_placement({"engine", 200'000'000, 200'000'000, 0, 0}, first_three, topology()).verdict,
            Verdict::Pass);
  EXPECT_EQ(judge_placement({"engine", 300'000'000, 100'000'000, 0, 0}, first_three, topology()).verdict,
            Verdict::Fail);
}

TEST(PlacementEvidence, WithoutBufferLinesThereIsNone) {
  EXPECT_FALSE(evidence_from_log(LoadLog{}, topology(), kDeviceWithoutExperts));
}

}  // namespace
}  // namespace moestress::protocol

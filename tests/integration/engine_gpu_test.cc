// The engine on the first GPU, which is software Vulkan where there is no other: placement and numerics, not
// speed.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "engine/moe_layer_reader.h"
#include "engine_testing.h"

namespace moestress::engine {
namespace {

using record::ExpertPlacement;
using record::RoutingTrace;

class EngineOnGpu : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Topologies, EngineOnGpu, testing::ValuesIn(kShapes), shape_name);

TEST_P(EngineOnGpu, ExpertsGoWhereTheyAreAskedTo) {
  const std::string gpu = gpu_name();
  if (gpu.empty()) GTEST_SKIP() << "no GPU and no software Vulkan device";
  const ExpertPlacement first{
      .kind = ExpertPlacement::Kind::FirstLayersCpu, .first_layers = 2, .cpu_layers = {}, .name = "first:2"};
  const ExpertPlacement listed{
      .kind = ExpertPlacement::Kind::Listed, .first_layers = 0, .cpu_layers = {2}, .name = "plan.json"};
  for (const ExpertPlacement& placement : {kOnCpu, kOnGpu, first, listed}) {
    const auto model = models().load(GetParam().topology, "auto", placement);
    ASSERT_TRUE(model);
    EXPECT_EQ(model->device().name, gpu);
    std::map<TensorRole, int> seen;
    for (const TensorPlacement& tensor : model->tensors()) {
      ++seen[tensor.role];
      if (tensor.role == TensorRole::RoutedExpert) {
        EXPECT_EQ(tensor.on_host, placement.on_cpu(tensor.layer)) << placement.name << " " << tensor.name;
        EXPECT_EQ(tensor.device, tensor.on_host ? "CPU" : gpu);
      } else if (tensor.layer >= 0) {
        EXPECT_FALSE(tensor.on_host) << placement.name << " " << tensor.name;
      }
    }
    EXPECT_GE(seen[TensorRole::RoutedExpert], 3 * model->info().moe_layers);
    EXPECT_GE(seen[TensorRole::Router], model->info().moe_layers);
    EXPECT_EQ(seen[TensorRole::SharedExpert] > 0, GetParam().shared > 0);
  }
}

TEST_P(EngineOnGpu, TheGpuComputesAsTheCpuDoes) {
  const std::string gpu = gpu_name();
  if (gpu.empty()) GTEST_SKIP() << "no GPU and no software Vulkan device";
  Generation generation = greedy(prompt_of(*models().on_cpu(GetParam().topology), 30, 3), 3);
  generation.trace = true;
  generation.top_logprobs = 0;
  const ContextOptions options{.slots = 2, .context_tokens = 256, .trace_routing = true};
  const Reply reference = Pending(*start(models().on_cpu(GetParam().topology), options), generation).wait();
  ASSERT_TRUE(reference.end.routing);
  for (const ExpertPlacement& placement : {kOnCpu, kOnGpu}) {
    const auto batcher = start(models().load(GetParam().topology, gpu, placement), options);
    ASSERT_TRUE(batcher);
    const Reply reply = Pending(*batcher, generation).wait();
    ASSERT_EQ(reply.tokens.size(), 3U);
    EXPECT_NEAR(reply.tokens[0].logprob, reference.tokens[0].logprob, 0.1);
    ASSERT_TRUE(reply.end.routing);
    expect_sane(*reply.end.routing, GetParam(), 32);
    RoutingTrace prompt = *reply.end.routing;
    prompt.tokens = 30;
    EXPECT_GE(agreement(prompt, *reference.end.routing), 0.9) << placement.name;
    // The books tell device from host.
    std::uint64_t on_device = 0;
    for (const MemoryUse& use : batcher->memory()) {
      if (use.device == gpu) on_device = use.model_bytes;
      EXPECT_EQ(use.host, use.device == "CPU");
    }
    EXPECT_GT(on_device, 0U);
  }
}

TEST_P(EngineOnGpu, OffloadedLayersGiveOutTheSameForTheSameInput) {
  const std::string gpu = gpu_name();
  if (gpu.empty()) GTEST_SKIP() << "no GPU and no software Vulkan device";
  const ContextOptions options{.context_tokens = 64, .batch_tokens = 64};
  const auto read = [&](const ExpertPlacement& placement, const record::MoeActivations* forced) {
    const auto model = models().load(GetParam().topology, gpu, placement);
    const auto reader = MoeLayerReader::create(model, options, silent());
    EXPECT_TRUE(reader) << reader.error().message;
    auto activations = (*reader)->read(prompt_of(*model, 12, forced == nullptr ? 0 : 1), forced);
    EXPECT_TRUE(activations) << activations.error().message;
    return *activations;
  };
  const record::MoeActivations on_gpu = read(kOnGpu, nullptr), offloaded = read(kOnCpu, &on_gpu);
  EXPECT_GE(agreement(offloaded.routing, on_gpu.routing), 0.97);
  for (std::size_t layer = 0; layer < on_gpu.routing.layers.size(); ++layer) {
    double difference = 0, size = 0;
    for (std::size_t token = 0; token < on_gpu.tokens(); ++token) {
      const auto expected = on_gpu.output(token, layer), actual = offloaded.output(token, layer);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        difference += std::pow(actual[i] - expected[i], 2);
        size += std::pow(expected[i], 2);
      }
    }
    EXPECT_LT(std::sqrt(difference / size), 0.05) << "layer " << on_gpu.routing.layers[layer];
  }
}

}  // namespace
}  // namespace moestress::engine

// What gguf predicts of a forged model against what the engine holds after loading it, and what the model
// says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "engine_testing.h"
#include "gguf/prediction.h"
#include "gguf/topology.h"
#include "plan/placement.h"

namespace moestress::engine {
namespace {

constexpr int kSlots = 3;
constexpr int kContextTokens = 300;  // three of them are no multiple of the cache's step

struct Held {
  std::uint64_t weights = 0;
  std::uint64_t routed = 0;
  std::uint64_t kv = 0;
};

/// What the engine says of its tensors and of its buffers, on the host or on devices.
Held held(const Model& model, const Batcher& batcher, bool host) {
  Held sum;
  for (const TensorPlacement& tensor : model.tensors()) {
    if (tensor.on_host != host) continue;
    sum.weights += tensor.bytes;
    if (tensor.role == TensorRole::RoutedExpert) sum.routed += tensor.bytes;
  }
  std::uint64_t buffers = 0;
  for (const MemoryUse& use : batcher.memory()) {
    if (use.host != host) continue;
    buffers += use.model_bytes;
    sum.kv += use.context_bytes;
  }
  EXPECT_NEAR(static_cast<double>(buffers), static_cast<double>(sum.weights),
              0.01 * static_cast<double>(sum.weights))
      << "the engine's two accounts differ";
  return sum;
}

void expect_within_1_percent(std::uint64_t predicted, std::uint64_t measured, const char* what) {
  EXPECT_NEAR(static_cast<double>(predicted), static_cast<double>(measured),
              0.01 * static_cast<double>(measured))
      << what;
}

void expect_predicted(const Shape& shape, const std::string& device, const std::string& experts) {
  const auto placement = plan::parse_placement(experts);
  ASSERT_TRUE(placement);
  const auto model = models().load(shape.topology, device, *placement);
  ASSERT_TRUE(model);
  ContextOptions options;
  options.slots = kSlots;
  options.context_tokens = kContextTokens;
  const auto batcher = start(model, options);
  ASSERT_TRUE(batcher);

  const auto file = gguf::read(models().path(shape.topology));
  ASSERT_TRUE(file) << file.error().message;
  const auto topology = gguf::topology(*file);
  ASSERT_TRUE(topology) << topology.error().message;
  const auto predicted = gguf::predict(*file, *topology, *placement, kSlots, kContextTokens, device == "cpu");
  const auto compare = [&](const gguf::Prediction::Device& side, bool host) {
    SCOPED_TRACE(side.name);
    const Held measured = held(*model, *batcher, host);
    expect_within_1_percent(side.weights_bytes, measured.weights, "weights");
    expect_within_1_percent(side.routed_bytes, measured.routed, "routed experts");
    expect_within_1_percent(side.kv_bytes, measured.kv, "KV cache");
  };
  compare(predicted.host, true);
  compare(predicted.device, false);
}

class Forged : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(All, Forged, testing::ValuesIn(kShapes), shape_name);

TEST_P(Forged, TheEngineHoldsWhatIsPredictedOnTheCpu) { expect_predicted(GetParam(), "cpu", "cpu"); }

TEST_P(Forged, TheEngineHoldsWhatIsPredictedOnADevice) {
  const std::string device = gpu_name();
  if (device.empty()) GTEST_SKIP() << "no GPU, not even a software one";
  for (const char* experts : {"cpu", "gpu", "first:2"}) {
    SCOPED_TRACE(experts);
    expect_predicted(GetParam(), device, experts);
  }
}

TEST_P(Forged, RepliesInPrintableCharactersUpToMaxTokens) {
  const auto model = models().on_cpu(GetParam().topology);
  ASSERT_TRUE(model);
  const auto batcher = start(model, {});
  ASSERT_TRUE(batcher);
  const record::Message question{"user", "What is the name of the city?"};
  const auto prompt = model->apply_chat_template(std::span(&question, 1));
  ASSERT_TRUE(prompt) << prompt.error().message;
  for (const double temperature : {0.0, 1.0}) {
    Generation generation;
    generation.prompt = model->tokenize(*prompt, true, true);
    generation.max_tokens = 200;
    generation.sampling.temperature = temperature;
    const Reply reply = Pending(*batcher, generation).wait();
    EXPECT_EQ(reply.end.finish, Finish::Length);
    EXPECT_EQ(reply.tokens.size(), 200U);
    EXPECT_TRUE(std::all_of(reply.text.begin(), reply.text.end(), [](char c) {
      return c == '\n' || (c >= ' ' && c <= '~');
    })) << reply.text;
    for (const GeneratedToken& token : reply.tokens) EXPECT_FALSE(token.piece.empty());
  }
}

TEST_P(Forged, DifferentPromptsReplyAndRouteDifferently) {
  const auto model = models().on_cpu(GetParam().topology);
  ASSERT_TRUE(model);
  ContextOptions options;
  options.trace_routing = true;
  const auto batcher = start(model, options);
  ASSERT_TRUE(batcher);
  const auto reply_to = [&](const char* text) {
    Generation generation = greedy(model->tokenize(text, true, true), 64);
    generation.trace = true;
    return Pending(*batcher, generation).wait();
  };
  const Reply prose = reply_to("The heart moves blood through the body.");
  const Reply code = reply_to("for (int i = 0; i < 10; i++) numbers.push_back(i * i);");
  EXPECT_NE(prose.text, code.text);
  ASSERT_TRUE(prose.end.routing && code.end.routing);
  EXPECT_LT(agreement(*prose.end.routing, *code.end.routing), 0.5);
  // No collapse: most experts of the first MoE layer are used by some 80 tokens.
  std::set<int> used;
  for (std::size_t token = 0; token < code.end.routing->tokens; ++token) {
    const auto chosen = code.end.routing->chosen(token, 0);
    used.insert(chosen.begin(), chosen.end());
  }
  EXPECT_GT(used.size() * 4, static_cast<std::size_t>(GetParam().experts) * 3);
}

}  // namespace
}  // namespace moestress::engine

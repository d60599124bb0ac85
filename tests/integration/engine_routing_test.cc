// The routing trace on the CPU: complete, without effect, and given to the right tokens.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "engine/moe_layer_reader.h"
#include "engine/scorer.h"
#include "engine_testing.h"

namespace moestress::engine {
namespace {

using record::RoutingTrace;

class EngineRouting : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Topologies, EngineRouting, testing::ValuesIn(kShapes), shape_name);

TEST_P(EngineRouting, GreedyDecodingRepeatsAndTheTraceIsComplete) {
  const auto batcher = start(models().on_cpu(GetParam().topology), {.trace_routing = true});
  ASSERT_TRUE(batcher);
  Generation generation = greedy(prompt_of(*models().on_cpu(GetParam().topology), 40, 0), 12);
  generation.trace = true;
  const Reply first = Pending(*batcher, generation).wait();
  const Reply second = Pending(*batcher, generation).wait();
  EXPECT_EQ(first.tokens.size(), 12U);
  EXPECT_EQ(first.end.finish, Finish::Length);
  EXPECT_EQ(first.end.prompt_tokens, 40);
  EXPECT_EQ(first.end.completion_tokens, 12);
  EXPECT_EQ(first.ids(), second.ids());
  ASSERT_TRUE(first.end.routing && second.end.routing);
  expect_sane(*first.end.routing, GetParam(), 40 + 12 - 1);
  EXPECT_EQ(first.end.routing->ids, second.end.routing->ids);
  EXPECT_EQ(first.end.routing->weights, second.end.routing->weights);
}

TEST_P(EngineRouting, TracingChangesNoBitOnTheCpu) {
  const auto model = models().on_cpu(GetParam().topology);
  const auto plain = start(model, {});
  const auto traced = start(model, {.trace_routing = true});
  Generation generation = greedy(prompt_of(*model, 20, 2), 16);
  generation.top_logprobs = 0;
  const Reply without = Pending(*plain, generation).wait();
  const Reply idle = Pending(*traced, generation).wait();
  ASSERT_EQ(without.ids(), idle.ids());
  for (std::size_t i = 0; i < without.tokens.size(); ++i) {
    EXPECT_EQ(without.tokens[i].logprob, idle.tokens[i].logprob);
  }
  generation.trace = true;
  const Reply with = Pending(*traced, generation).wait();
  EXPECT_EQ(without.ids(), with.ids());
}

/// Whether traces are given to the right tokens: a request's routing must be the same alone and among others
/// whose prompts have other lengths, that come while it decodes, several at once, into slots that others have
/// left.
TEST_P(EngineRouting, TheTraceIsTheSameAloneAndAmongOthers) {
  const auto model = models().on_cpu(GetParam().topology);
  const auto batcher = start(model, {.slots = 5, .batch_tokens = 64, .trace_routing = true});
  ASSERT_TRUE(batcher);
  std::vector<Generation> generations;
  for (std::size_t i = 0; i < 7; ++i) {
    generations.push_back(greedy(prompt_of(*model, 11 + 61 * i % 97, i), i % 2 == 0 ? 30 : 4));
    generations.back().trace = true;
  }
  std::vector<Reply> alone;
  for (const Generation& generation : generations) alone.push_back(Pending(*batcher, generation).wait());

  // The first has the others come in two by two while it decodes.
  std::vector<std::unique_ptr<Pending>> others;
  int seen = 0;
  Pending first(*batcher, generations[0], [&](const GeneratedToken&) {
    if (++seen % 2 == 0) return;
    for (int i = 0; i < 2 && others.size() + 1 < generations.size(); ++i) {
      others.push_back(std::make_unique<Pending>(*batcher, generations[others.size() + 1]));
    }
  });
  std::vector<Reply> among = {first.wait()};
  ASSERT_EQ(others.size() + 1, generations.size());
  for (auto& other : others) among.push_back(other->wait());
  for (std::size_t i = 0; i < generations.size(); ++i) {
    ASSERT_TRUE(among[i].end.routing && alone[i].end.routing);
    expect_sane(*among[i].end.routing, GetParam(), generations[i].prompt.size() + among[i].tokens.size() - 1);
    // The prompt is the same text in both, so its routing must be, but for near-ties.
    RoutingTrace prompt = *among[i].end.routing;
    prompt.tokens = generations[i].prompt.size();
    EXPECT_GE(agreement(prompt, *alone[i].end.routing), 0.97) << "request " << i;
    // So must the reply's, as long as it is the same.
    if (among[i].ids() == alone[i].ids()) {
      EXPECT_GE(agreement(*among[i].end.routing, *alone[i].end.routing), 0.97) << "request " << i;
    }
    // That another request's does not agree shows that the figure above can tell.
    EXPECT_LT(agreement(prompt, *alone[(i + 1) % alone.size()].end.routing), 0.6);
  }
}

TEST_P(EngineRouting, TheScorersTraceIsTheSameAloneAndAmongOthers) {
  const auto model = models().on_cpu(GetParam().topology);
  const ContextOptions options{
      .slots = 4, .context_tokens = 256, .threads = 1, .batch_tokens = 96, .trace_routing = true};
  auto scorer = Scorer::create(model, options, silent());
  ASSERT_TRUE(scorer) << scorer.error().message;
  std::vector<std::vector<Token>> texts;
  for (std::size_t i = 0; i < 9; ++i) texts.push_back(prompt_of(*model, 120 - 47 * i % 113, i));
  std::vector<Score> among(texts.size());
  ASSERT_TRUE((*scorer)->score(texts, [&](std::size_t i, Score score) { among[i] = std::move(score); }));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Score alone;
    ASSERT_TRUE(
        (*scorer)->score({&texts[i], 1}, [&](std::size_t, Score score) { alone = std::move(score); }));
    ASSERT_TRUE(alone.routing && among[i].routing);
    EXPECT_EQ(alone.routing->tokens, texts[i].size());
    EXPECT_GE(agreement(*among[i].routing, *alone.routing), 0.97) << "text " << i;
    ASSERT_EQ(among[i].logits.size(), alone.logits.size());
    // A near-tie that turns the other way moves single logits a good deal, all of them hardly.
    double difference = 0;
    for (std::size_t v = 0; v < alone.logits.size(); ++v) {
      difference += std::abs(alone.logits[v] - among[i].logits[v]);
    }
    EXPECT_LT(difference / static_cast<double>(alone.logits.size()), 0.02) << "text " << i;
  }
}

TEST_P(EngineRouting, APromptRoutesAsItsTokensOneByOne) {
  const auto model = models().on_cpu(GetParam().topology);
  const auto batcher = start(model, {.slots = 1, .trace_routing = true});
  Generation generation = greedy(prompt_of(*model, 8, 1), 24);
  generation.trace = true;
  const Reply decoded = Pending(*batcher, generation).wait();
  ASSERT_TRUE(decoded.end.routing);
  // The same text again, all of it as the prompt.
  Generation whole = generation;
  for (Token token : decoded.ids()) whole.prompt.push_back(token);
  whole.prompt.pop_back();  // was never evaluated
  whole.max_tokens = 1;
  const Reply prefilled = Pending(*batcher, whole).wait();
  ASSERT_TRUE(prefilled.end.routing);
  EXPECT_EQ(prefilled.end.routing->tokens, decoded.end.routing->tokens);
  EXPECT_GE(agreement(*prefilled.end.routing, *decoded.end.routing), 0.97);
}

/// A layer with experts depends on its input alone: given another text's it gives out what it did there.
TEST_P(EngineRouting, LayersGiveOutTheSameForTheSameInput) {
  const auto model = models().on_cpu(GetParam().topology);
  const ContextOptions options{.context_tokens = 64, .threads = 1, .batch_tokens = 64};
  const auto reader = MoeLayerReader::create(model, options, silent());
  ASSERT_TRUE(reader) << reader.error().message;
  const std::vector<Token> text = prompt_of(*model, 20, 0), other = prompt_of(*model, 20, 1);
  const auto own = (*reader)->read(text), others = (*reader)->read(other);
  ASSERT_TRUE(own && others);
  expect_sane(own->routing, GetParam(), text.size());
  EXPECT_EQ(own->inputs.size(), own->size());
  ASSERT_EQ(own->outputs.size(), own->size());
  EXPECT_NE(own->outputs, others->outputs);
  const auto forced = (*reader)->read(other, &*own);
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_TRUE(forced->inputs.empty());
  EXPECT_EQ(forced->outputs, own->outputs);
  EXPECT_EQ(forced->routing.ids, own->routing.ids);
  EXPECT_EQ(forced->routing.weights, own->routing.weights);
  const auto shorter = (*reader)->read({other.data(), 19}, &*own);
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().code, base::ErrorCode::Format);
  EXPECT_FALSE((*reader)->read({}));
}

}  // namespace
}  // namespace moestress::engine

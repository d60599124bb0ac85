// The engine on real model files: tiny random models of all three topologies, on the CPU with one thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "engine/batcher.h"
#include "engine/model.h"
#include "engine/scorer.h"
#include "engine_testing.h"

namespace moestress::engine {
namespace {

using record::ExpertPlacement;

class EngineOf : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Topologies, EngineOf, testing::ValuesIn(kShapes), shape_name);

TEST_P(EngineOf, LoadsAndTellsItsShape) {
  const auto model = models().on_cpu(GetParam().topology);
  ASSERT_TRUE(model);
  const ModelInfo& info = model->info();
  EXPECT_EQ(info.architecture, GetParam().architecture);
  EXPECT_EQ(info.experts, GetParam().experts);
  EXPECT_EQ(info.experts_used, GetParam().used);
  EXPECT_EQ(info.experts_shared, GetParam().shared);
  EXPECT_GT(info.vocabulary, 0);
  EXPECT_GT(info.moe_layers, 0);
  EXPECT_LE(info.moe_layers, info.layers);
  EXPECT_EQ(info.file_bytes, std::filesystem::file_size(info.path));
  EXPECT_EQ(model->device().name, "CPU");
  std::uint64_t bytes = 0;
  for (const TensorPlacement& tensor : model->tensors()) {
    EXPECT_TRUE(tensor.on_host) << tensor.name;
    bytes += tensor.bytes;
  }
  EXPECT_LT(bytes, info.file_bytes);
  EXPECT_GT(bytes, info.file_bytes * 9 / 10);  // the rest is metadata and the vocabulary
}

TEST_P(EngineOf, TextGoesToTokensAndBack) {
  const auto model = models().on_cpu(GetParam().topology);
  const std::string text = "Zwölf Boxkämpfer, 12 € and \xF0\x9F\x98\x80 (x + y)\n\tend";
  EXPECT_EQ(model->detokenize(model->tokenize(text, false, false)), text);
  EXPECT_TRUE(model->tokenize("", false, false).empty());
  EXPECT_EQ(model->piece(-1), "");
  EXPECT_EQ(model->piece(model->info().vocabulary), "");
  int ends = 0;
  for (Token token = 0; token < model->info().vocabulary; ++token) {
    if (!model->is_end_of_generation(token)) continue;
    ++ends;
    EXPECT_EQ(model->piece(token), "") << "control tokens are silent";
    EXPECT_NE(model->piece(token, true), "");
  }
  EXPECT_GT(ends, 0);
  EXPECT_FALSE(model->is_end_of_generation(-1));
}

TEST_P(EngineOf, TheChatTemplateRenders) {
  const auto model = models().on_cpu(GetParam().topology);
  ASSERT_TRUE(model->has_chat_template());
  const std::vector<record::Message> messages = {{"system", "Be brief."}, {"user", "What is 7 x 8?"}};
  const auto rendered = model->apply_chat_template(messages);
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_NE(rendered->find("Be brief."), std::string::npos);
  EXPECT_NE(rendered->find("What is 7 x 8?"), std::string::npos);
  EXPECT_LT(rendered->find("What is 7 x 8?"), rendered->rfind("assistant"));
  EXPECT_EQ(model->apply_chat_template({}).error().code, base::ErrorCode::Usage);
}

TEST_P(EngineOf, TheScorerAgreesWithTheBatchersLogprobs) {
  const auto model = models().on_cpu(GetParam().topology);
  const auto batcher = start(model, {});
  std::vector<std::vector<Token>> texts;
  std::vector<Reply> replies;
  for (std::size_t i = 0; i < 4; ++i) {
    Generation generation = greedy(prompt_of(*model, 5 + 30 * i, i), 10);
    generation.top_logprobs = 3;
    generation.sampling.temperature = i % 2 == 0 ? 0 : 0.8;  // logprobs are of the untempered distribution
    generation.sampling.seed = i;
    replies.push_back(Pending(*batcher, generation).wait());
    texts.push_back(generation.prompt);
    for (Token token : replies.back().ids()) texts.back().push_back(token);
  }
  ContextOptions options{
      .slots = 3, .context_tokens = 256, .threads = 1, .batch_tokens = 64, .trace_routing = true};
  auto scorer = Scorer::create(model, options, silent());
  ASSERT_TRUE(scorer) << scorer.error().message;
  std::vector<Score> scores(texts.size());
  std::vector<int> calls(texts.size(), 0);
  const auto scored = (*scorer)->score(texts, [&](std::size_t index, Score score) {
    ++calls[index];
    scores[index] = std::move(score);
  });
  ASSERT_TRUE(scored) << scored.error().message;
  EXPECT_THAT(calls, testing::Each(1));

  const auto vocabulary = static_cast<std::size_t>(model->info().vocabulary);
  for (std::size_t text = 0; text < texts.size(); ++text) {
    ASSERT_EQ(scores[text].logits.size(), texts[text].size() * vocabulary);
    ASSERT_TRUE(scores[text].routing);
    expect_sane(*scores[text].routing, GetParam(), texts[text].size());
    const std::size_t prompt = texts[text].size() - replies[text].tokens.size();
    for (std::size_t i = 0; i < replies[text].tokens.size(); ++i) {
      const float* row = scores[text].logits.data() + (prompt + i - 1) * vocabulary;
      double total = 0;
      for (std::size_t v = 0; v < vocabulary; ++v) total += std::exp(row[v]);
      const GeneratedToken& token = replies[text].tokens[i];
      EXPECT_NEAR(row[token.token] - std::log(total), token.logprob, 0.1)
          << "text " << text << " token " << i;
      ASSERT_EQ(token.top.size(), 3U);
      EXPECT_GE(token.top[0].second, token.top[1].second);
      EXPECT_GE(token.top[0].second, token.logprob);
    }
  }
}

// What follows is the same for every architecture: the smallest one stands for all.
constexpr forge::Topology kAny = forge::Topology::PhiMoe;

TEST(EngineBatcher, RequestsBesideEachOtherGetTheirOwnTokens) {
  const auto model = models().on_cpu(kAny);
  const auto batcher = start(model, {.slots = 4, .batch_tokens = 96});
  std::vector<Reply> alone;
  std::vector<Generation> generations;
  for (std::size_t i = 0; i < 9; ++i) {  // more than slots: some wait
    generations.push_back(greedy(prompt_of(*model, 3 + 21 * i, i), 8));
    generations.back().top_logprobs = 5;
    alone.push_back(Pending(*batcher, generations.back()).wait());
  }
  std::vector<std::unique_ptr<Pending>> pending;
  for (const Generation& generation : generations)
    pending.push_back(std::make_unique<Pending>(*batcher, generation));
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const Reply among = pending[i]->wait();
    ASSERT_EQ(among.tokens.size(), alone[i].tokens.size());
    for (std::size_t t = 0; t < among.tokens.size(); ++t) {
      if (among.tokens[t].token == alone[i].tokens[t].token) continue;
      // Only a near-tie may part them: the other choice is close behind.
      const auto& top = among.tokens[t].top;
      const auto other = std::find_if(
          top.begin(), top.end(), [&](const auto& entry) { return entry.first == alone[i].tokens[t].token; });
      ASSERT_NE(other, top.end()) << "request " << i << " token " << t;
      EXPECT_LT(among.tokens[t].logprob - other->second, 0.1) << "request " << i << " token " << t;
      break;
    }
  }
  const BatcherStats stats = batcher->stats();
  EXPECT_EQ(stats.requests_total, 18U);
  EXPECT_EQ(stats.completion_tokens_total, 18U * 8);
  std::uint64_t prompts = 0;
  for (const Generation& generation : generations) prompts += 2 * generation.prompt.size();
  EXPECT_EQ(stats.prompt_tokens_total, prompts);
  EXPECT_EQ(stats.slots, 4);
  EXPECT_EQ(stats.queued, 0);
}

TEST(EngineBatcher, DecodingGoesOnWhileALongPromptIsFed) {
  const auto model = models().on_cpu(kAny);
  const auto batcher = start(model, {.slots = 2, .context_tokens = 2048, .batch_tokens = 128});
  std::atomic<int> tokens_of_first{0};
  std::atomic<int> at_submission{-1};
  std::unique_ptr<Pending> second;
  std::promise<void> second_submitted;
  std::atomic<int> at_first_of_second{-1};
  Pending first(*batcher, greedy(prompt_of(*model, 4, 0), 400), [&](const GeneratedToken&) {
    if (++tokens_of_first != 3) return;
    at_submission = tokens_of_first.load();
    second = std::make_unique<Pending>(
        *batcher, greedy(prompt_of(*model, 640, 1), 1),
        [&](const GeneratedToken&) { at_first_of_second = tokens_of_first.load(); });
    second_submitted.set_value();
  });
  second_submitted.get_future().wait();
  second->wait();
  first.wait();
  // 640 tokens in pieces of a quarter of a batch (32): 20 batches, each with a token of the first.
  EXPECT_GE(at_first_of_second - at_submission, 18);
  EXPECT_LE(at_first_of_second - at_submission, 22);
}

TEST(EngineBatcher, CancelFreesTheSlot) {
  const auto model = models().on_cpu(kAny);
  const auto batcher = start(model, {.slots = 1, .context_tokens = 2048});
  std::promise<void> started;
  std::atomic<bool> told{false};
  Pending running(*batcher, greedy(prompt_of(*model, 4, 0), 2000), [&](const GeneratedToken&) {
    if (!told.exchange(true)) started.set_value();
  });
  Pending queued(*batcher, greedy(prompt_of(*model, 4, 1), 2000));
  Pending last(*batcher, greedy(prompt_of(*model, 4, 2), 5));
  started.get_future().wait();
  EXPECT_EQ(batcher->stats().slots_busy, 1);
  batcher->cancel(queued.id());
  const Reply from_queue = queued.wait();
  EXPECT_EQ(from_queue.end.finish, Finish::Cancelled);
  EXPECT_TRUE(from_queue.tokens.empty());
  batcher->cancel(running.id());
  const Reply cut = running.wait();
  EXPECT_EQ(cut.end.finish, Finish::Cancelled);
  EXPECT_GT(cut.end.completion_tokens, 0);
  EXPECT_LT(cut.end.completion_tokens, 2000);
  EXPECT_EQ(last.wait().tokens.size(), 5U);
  batcher->cancel(running.id());  // unknown by now: nothing happens
  batcher->cancel(999);
  EXPECT_EQ(batcher->stats().cancelled_total, 2U);
}

TEST(EngineBatcher, GoingAwayEndsEveryGenerationAsCancelled) {
  const auto model = models().on_cpu(kAny);
  auto batcher = start(model, {.slots = 1, .context_tokens = 2048});
  Pending running(*batcher, greedy(prompt_of(*model, 4, 0), 2000));
  Pending queued(*batcher, greedy(prompt_of(*model, 4, 1), 2000));
  batcher.reset();
  EXPECT_EQ(running.wait().end.finish, Finish::Cancelled);
  EXPECT_EQ(queued.wait().end.finish, Finish::Cancelled);
}

TEST(EngineBatcher, AStopStringCutsTheReply) {
  const auto model = models().on_cpu(kAny);
  const auto batcher = start(model, {});
  Generation generation = greedy(prompt_of(*model, 12, 0), 12);
  const Reply whole = Pending(*batcher, generation).wait();
  ASSERT_EQ(whole.tokens.size(), 12U);
  // The end of one token and the beginning of the next, from the middle of the reply.
  const std::string left = whole.tokens[5].piece;
  const std::string right = whole.tokens[6].piece;
  ASSERT_FALSE(left.empty() || right.empty());
  const std::string stop = left.substr(left.size() - 1) + right.substr(0, 1);
  generation.stop = {"never to be seen", stop};
  const Reply cut = Pending(*batcher, generation).wait();
  EXPECT_EQ(cut.end.finish, Finish::Stop);
  EXPECT_EQ(cut.text, whole.text.substr(0, whole.text.find(stop)));
  EXPECT_LE(cut.end.completion_tokens, 7);
  generation.stop = {"never to be seen"};
  const Reply uncut = Pending(*batcher, generation).wait();
  EXPECT_EQ(uncut.text, whole.text);
  EXPECT_EQ(uncut.end.finish, Finish::Length);
}

TEST(EngineBatcher, AnEndTokenStopsUnlessItIsIgnored) {
  const auto model = models().on_cpu(kAny);
  const auto batcher = start(model, {.slots = 1, .context_tokens = 2048});
  // Hot sampling meets an end token sooner or later; the same seed meets it at the same place.
  Generation generation = greedy(prompt_of(*model, 6, 0), 1000);
  generation.ignore_eos = false;
  generation.sampling = {.temperature = 50, .seed = 4};
  const Reply stopped = Pending(*batcher, generation).wait();
  EXPECT_EQ(stopped.end.finish, Finish::Stop);
  EXPECT_LT(stopped.end.completion_tokens, 1000);
  EXPECT_EQ(stopped.end.completion_tokens, static_cast<int>(stopped.tokens.size()));
  for (Token token : stopped.ids()) EXPECT_FALSE(model->is_end_of_generation(token));
  EXPECT_EQ(Pending(*batcher, generation).wait().ids(), stopped.ids());
  generation.ignore_eos = true;
  const Reply ignored = Pending(*batcher, generation).wait();
  EXPECT_EQ(ignored.end.completion_tokens, 1000);
  for (Token token : ignored.ids()) EXPECT_FALSE(model->is_end_of_generation(token));
}

TEST(EngineBatcher, ContextOverflowNamesBothNumbers) {
  const auto model = models().on_cpu(kAny);
  const auto batcher = start(model, {.slots = 2, .context_tokens = 100});
  const auto submit = [&](Generation generation) {
    return batcher->submit(
        std::move(generation), [](const GeneratedToken&) {}, [](GenerationEnd) {});
  };
  const auto refused = submit(greedy(prompt_of(*model, 90, 0), 11));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::Limit);
  EXPECT_NE(refused.error().message.find("101"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("100"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(submit(greedy(prompt_of(*model, 90, 0), INT32_MAX)));
  const Reply full = Pending(*batcher, greedy(prompt_of(*model, 90, 0), 10)).wait();  // to the brim
  EXPECT_EQ(full.tokens.size(), 10U);
}

TEST(EngineBatcher, RefusesWhatCanNotBeDone) {
  const auto model = models().on_cpu(kAny);
  const auto batcher = start(model, {});
  const auto code_of = [&](const std::function<void(Generation&)>& spoil) {
    Generation generation = greedy(prompt_of(*model, 4, 0), 4);
    spoil(generation);
    const auto id = batcher->submit(
        generation, [](const GeneratedToken&) {}, [](GenerationEnd) {});
    EXPECT_FALSE(id);
    return id ? base::ErrorCode::Internal : id.error().code;
  };
  using base::ErrorCode;
  EXPECT_EQ(code_of([](Generation& g) { g.prompt.clear(); }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.prompt[1] = -1; }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.prompt[1] = 1 << 30; }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.max_tokens = 0; }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.top_logprobs = 101; }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.sampling.temperature = std::nan(""); }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.sampling.top_p = 0; }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.stop = {""}; }), ErrorCode::Usage);
  EXPECT_EQ(code_of([](Generation& g) { g.trace = true; }), ErrorCode::Usage);

  for (const ContextOptions& options :
       {ContextOptions{.slots = 0}, ContextOptions{.slots = 1000}, ContextOptions{.context_tokens = 0},
        ContextOptions{.context_tokens = INT32_MAX}, ContextOptions{.threads = -1},
        ContextOptions{.slots = 8, .batch_tokens = 8}}) {
    const auto refused = Batcher::start(model, options, silent());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Usage);
  }
}

TEST(EngineScorer, ATextLongerThanTheContextIsRefused) {
  auto scorer =
      Scorer::create(models().on_cpu(kAny), {.slots = 2, .context_tokens = 64, .threads = 1}, silent());
  ASSERT_TRUE(scorer);
  const std::vector<std::vector<Token>> texts = {{1, 2}, std::vector<Token>(65, 1)};
  int calls = 0;
  const auto refused = (*scorer)->score(texts, [&](std::size_t, Score) { ++calls; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::Limit);
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE((*scorer)->score({}, [&](std::size_t, Score) { ++calls; }));
  // And it still works after that.
  EXPECT_TRUE(
      (*scorer)->score(std::vector<std::vector<Token>>{{}, {1, 2, 3}}, [&](std::size_t index, Score score) {
        ++calls;
        EXPECT_EQ(score.logits.empty(), index == 0);
      }));
  EXPECT_EQ(calls, 2);
}

TEST(EngineModel, TheVocabularyAloneTokenizesTheSame) {
  LoadOptions options;
  options.path = models().path(kAny);
  options.vocabulary_only = true;
  const auto vocabulary = Model::load(options, silent());
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  const std::string text = "A king, 12 rivers and the rest.";
  EXPECT_EQ((*vocabulary)->tokenize(text, true, true), models().on_cpu(kAny)->tokenize(text, true, true));
  EXPECT_EQ((*vocabulary)->info().experts, 16);
  EXPECT_TRUE((*vocabulary)->has_chat_template());
}

TEST(EngineModel, ABrokenFileIsFormatAndSaysWhy) {
  std::ifstream file(models().path(kAny), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_GT(whole.size(), 100000U);
  std::string unknown = whole;
  unknown.replace(unknown.find("phimoe"), 6, "philoe");
  const std::map<std::string, std::string> files = {
      {"half.gguf", whole.substr(0, whole.size() / 2)},
      {"header.gguf", whole.substr(0, 100)},
      {"empty.gguf", ""},
      {"unknown.gguf", unknown},
  };
  for (const auto& [name, bytes] : files) {
    LoadOptions options;
    options.path = models().file(name, bytes);
    options.device = "cpu";
    const auto loaded = Model::load(options, silent());
    ASSERT_FALSE(loaded) << name;
    EXPECT_EQ(loaded.error().code, base::ErrorCode::Format) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(name), std::string::npos);
    EXPECT_EQ(loaded.error().message.find("()"), std::string::npos)
        << "no reason: " << loaded.error().message;
  }
}

TEST(EngineModel, UnknownDevicesAndLayersAreRefused) {
  LoadOptions options;
  options.path = models().path(kAny);
  options.device = "Vulkan7";
  const auto device = Model::load(options, silent());
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, base::ErrorCode::Usage);
  EXPECT_NE(device.error().message.find("CPU"), std::string::npos);

  options.device = "cpu";
  options.experts = {
      .kind = ExpertPlacement::Kind::Listed, .first_layers = 0, .cpu_layers = {1, 77}, .name = "plan.json"};
  const auto layer = Model::load(options, silent());
  ASSERT_FALSE(layer);
  EXPECT_EQ(layer.error().code, base::ErrorCode::Usage);
  EXPECT_NE(layer.error().message.find("77"), std::string::npos);
}

TEST(EngineModel, TheEnginesLoadingLinesReachTheLog) {
  testing::internal::CaptureStderr();
  {
    LoadOptions options;
    options.path = models().path(kAny);
    options.device = "cpu";
    float progress = -1;
    options.progress = [&](float share) { progress = share; };
    EXPECT_TRUE(Model::load(options, base::Logger(base::LogLevel::Info)));
    EXPECT_EQ(progress, 1.0F);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::ContainsRegex("load_tensors: +CPU model buffer size ="));
}

}  // namespace
}  // namespace moestress::engine

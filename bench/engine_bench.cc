// How fast the engine decodes by itself, and what tracing costs.
//   engine_bench MODEL.gguf [THREADS [TOKENS [REPEATS [DEVICE [cpu|gpu]]]]]
// Prints, each as median (least to most) over the repeats: decode tok/s of one session and of four together,
// their ratio, and tok/s with the routing traced over without, measured in pairs one right after the other.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "engine/batcher.h"
#include "engine/model.h"
#include "summary.h"

namespace {

using namespace moestress;

constexpr std::size_t kPromptTokens = 32;

struct Settings {
  std::string model;
  int threads = 1;
  int tokens = 128;
  int repeats = 7;
  std::string device = "cpu";
  record::ExpertPlacement experts;
};

std::vector<engine::Token> prompt_of(const engine::Model& model, std::size_t variant) {
  std::vector<engine::Token> prompt;
  for (std::size_t i = 0; i < kPromptTokens; ++i) {
    prompt.push_back(static_cast<engine::Token>((i * 7919 + variant * 104729) %
                                                static_cast<std::size_t>(model.info().vocabulary)));
  }
  return prompt;
}

/// Decode tok/s of `sessions` that run together, all of them added up; nothing on an error, which it prints.
std::optional<double> decode_speed(const std::shared_ptr<const engine::Model>& model,
                                   const Settings& settings, int sessions, bool trace) {
  engine::ContextOptions options;
  options.slots = sessions;
  options.context_tokens = static_cast<int>(kPromptTokens) + settings.tokens;
  options.threads = settings.threads;
  options.trace_routing = trace;
  auto batcher = engine::Batcher::start(model, options, base::Logger(base::LogLevel::Error));
  if (!batcher) {
    fmt::print(stderr, "engine_bench: {}\n", batcher.error().message);
    return std::nullopt;
  }
  // The first round warms up: page faults, and on a GPU its shaders.
  double speed = 0;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::promise<engine::GenerationEnd>> ends(static_cast<std::size_t>(sessions));
    for (std::size_t i = 0; i < ends.size(); ++i) {
      engine::Generation generation;
      generation.prompt = prompt_of(*model, i);
      generation.max_tokens = round == 0 ? std::min(settings.tokens, 8) : settings.tokens;
      generation.ignore_eos = true;
      generation.trace = trace;
      const auto id = (*batcher)->submit(
          std::move(generation), [](const engine::GeneratedToken&) {},
          [&ends, i](engine::GenerationEnd end) { ends[i].set_value(std::move(end)); });
      if (!id) {
        fmt::print(stderr, "engine_bench: {}\n", id.error().message);
        std::exit(1);
      }
    }
    speed = 0;
    for (auto& end : ends) {
      const engine::GenerationEnd done = end.get_future().get();
      if (!done.error.empty()) {
        fmt::print(stderr, "engine_bench: {}\n", done.error);
        return std::nullopt;
      }
      speed += (done.completion_tokens - 1) / base::to_seconds(done.decode_time);
    }
  }
  return speed;
}

int measure(const Settings& settings) {
  engine::LoadOptions load;
  load.path = settings.model;
  load.device = settings.device;
  load.experts = settings.experts;
  const auto loaded = engine::Model::load(load, base::Logger(base::LogLevel::Error));
  if (!loaded) {
    fmt::print(stderr, "engine_bench: {}\n", loaded.error().message);
    return 1;
  }
  const std::shared_ptr<const engine::Model> model = *loaded;
  const engine::Device& device = model->device();
  fmt::print("{} ({}), {}{}, experts {}, {} threads, {} tokens after a prompt of {}\n", settings.model,
             model->info().architecture, device.description, device.software ? " (software GPU)" : "",
             settings.experts.name, settings.threads, settings.tokens, kPromptTokens);
  std::vector<double> one;
  std::vector<double> four;
  std::vector<double> gain;
  std::vector<double> traced;
  for (int repeat = 0; repeat < settings.repeats; ++repeat) {
    // The order within a pair alternates, so that a drift of the machine favours neither.
    const bool plain_first = repeat % 2 == 0;
    const auto first = decode_speed(model, settings, 1, !plain_first);
    const auto second = decode_speed(model, settings, 1, plain_first);
    const auto together = decode_speed(model, settings, 4, false);
    if (!first || !second || !together) return 1;
    const double plain = plain_first ? *first : *second;
    one.push_back(plain);
    traced.push_back((plain_first ? *second : *first) / plain);
    four.push_back(*together);
    gain.push_back(*together / plain);
  }
  fmt::print("one session      tok/s  {}\n", summary(one));
  fmt::print("four together    tok/s  {}\n", summary(four));
  fmt::print("four over one           {}\n", summary(gain));
  fmt::print("traced over not         {}\n", summary(traced));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 7) {
    fmt::print(stderr, "usage: engine_bench MODEL.gguf [THREADS [TOKENS [REPEATS [DEVICE [cpu|gpu]]]]]\n");
    return 2;
  }
  Settings settings;
  settings.model = argv[1];
  if (argc > 2) settings.threads = std::atoi(argv[2]);
  if (argc > 3) settings.tokens = std::atoi(argv[3]);
  if (argc > 4) settings.repeats = std::atoi(argv[4]);
  if (argc > 5) settings.device = argv[5];
  if (argc > 6 && std::string(argv[6]) == "gpu") {
    settings.experts.kind = record::ExpertPlacement::Kind::Gpu;
    settings.experts.name = "gpu";
  }
  if (settings.tokens < 2 || settings.repeats < 1) {
    fmt::print(stderr, "engine_bench: at least 2 tokens and 1 repeat\n");
    return 2;
  }
  return measure(settings);
}

#include "engine_testing.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>

namespace moestress::engine {

using record::RoutingTrace;

const base::Logger& silent() {
  static const base::Logger logger(base::LogLevel::Off);
  return logger;
}

std::string shape_name(const testing::TestParamInfo<Shape>& info) {
  std::string name = info.param.architecture;
  std::erase(name, '-');
  return name;
}

Models::Models()
    : folder_(std::filesystem::path(testing::TempDir()) / ("engine-models-" + std::to_string(getpid()))) {
  std::filesystem::create_directories(folder_);
}

Models::~Models() { std::filesystem::remove_all(folder_); }

std::string Models::path(forge::Topology topology) {
  const std::string path = folder_ / (std::string(forge::to_string(topology)) + ".gguf");
  if (!std::filesystem::exists(path)) {
    const auto written = forge::write_random_model({topology, forge::Size::Tiny, 1}, path);
    EXPECT_TRUE(written) << written.error().message;
  }
  return path;
}

std::shared_ptr<const Model> Models::on_cpu(forge::Topology topology) {
  auto& model = on_cpu_[topology];
  if (!model) model = load(topology, "cpu", kOnCpu);
  return model;
}

std::shared_ptr<const Model> Models::load(forge::Topology topology, const std::string& device,
                                          const record::ExpertPlacement& experts) {
  LoadOptions options;
  options.path = path(topology);
  options.device = device;
  options.experts = experts;
  auto loaded = Model::load(options, silent());
  EXPECT_TRUE(loaded) << loaded.error().message;
  return loaded ? *loaded : nullptr;
}

std::string Models::file(const std::string& name, const std::string& bytes) {
  std::ofstream(folder_ / name, std::ios::binary) << bytes;
  return folder_ / name;
}

Models& models() {
  static Models all;
  return all;
}

std::string gpu_name() {
  for (const Device& device : devices()) {
    if (device.gpu) return device.name;
  }
  return "";
}

std::unique_ptr<Batcher> start(std::shared_ptr<const Model> model, ContextOptions options) {
  options.threads = 1;
  auto batcher = Batcher::start(std::move(model), options, silent());
  EXPECT_TRUE(batcher) << batcher.error().message;
  return batcher ? std::move(*batcher) : nullptr;
}

std::vector<Token> prompt_of(const Model& model, std::size_t tokens, std::size_t variant) {
  const std::vector<Token> words = model.tokenize(
      "The quick brown fox jumps over the lazy dog while seven kings count 12 rivers, (x + y) and the rest.",
      false, false);
  std::vector<Token> prompt;
  for (std::size_t i = 0; i < tokens; ++i)
    prompt.push_back(words[(i * (variant + 1) + 5 * variant) % words.size()]);
  return prompt;
}

Generation greedy(std::vector<Token> prompt, int tokens) {
  Generation generation;
  generation.prompt = std::move(prompt);
  generation.max_tokens = tokens;
  generation.ignore_eos = true;
  return generation;
}

void expect_sane(const RoutingTrace& trace, const Shape& shape, std::size_t tokens) {
  EXPECT_EQ(trace.tokens, tokens);
  EXPECT_EQ(trace.experts, shape.experts);
  EXPECT_EQ(trace.k, shape.used);
  ASSERT_EQ(trace.ids.size(), tokens * trace.layers.size() * static_cast<std::size_t>(shape.used));
  ASSERT_EQ(trace.weights.size(), trace.ids.size());
  for (std::size_t token = 0; token < tokens; ++token) {
    for (std::size_t layer = 0; layer < trace.layers.size(); ++layer) {
      const auto chosen = trace.chosen(token, layer);
      EXPECT_EQ(std::set<int>(chosen.begin(), chosen.end()).size(), chosen.size()) << "an expert twice";
      double sum = 0;
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        EXPECT_LT(chosen[i], shape.experts);
        const float weight = trace.chosen_weights(token, layer)[i];
        EXPECT_GT(weight, 0);
        EXPECT_LE(weight, 1);
        const float before = i > 0 ? trace.chosen_weights(token, layer)[i - 1] : 1;
        EXPECT_LE(weight, before) << "not in order of preference";
        sum += weight;
      }
      // gpt-oss and phimoe normalise over the chosen; deepseek does not, so its rest is elsewhere.
      if (shape.shared == 0) {
        EXPECT_NEAR(sum, 1, 1e-4);
      } else {
        EXPECT_LT(sum, 0.95);
      }
    }
  }
}

double agreement(const RoutingTrace& a, const RoutingTrace& b) {
  EXPECT_EQ(a.layers, b.layers);
  const std::size_t tokens = std::min(a.tokens, b.tokens);
  double same = 0;
  for (std::size_t token = 0; token < tokens; ++token) {
    for (std::size_t layer = 0; layer < a.layers.size(); ++layer) {
      const auto x = a.chosen(token, layer);
      const auto y = b.chosen(token, layer);
      same += std::set<int>(x.begin(), x.end()) == std::set<int>(y.begin(), y.end()) ? 1 : 0;
    }
  }
  return same / static_cast<double>(tokens * a.layers.size());
}

}  // namespace moestress::engine

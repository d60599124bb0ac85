#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/batcher.h"
#include "engine/model.h"
#include "forge/random_model.h"

namespace moestress::engine {

/// A logger that says nothing.
const base::Logger& silent();

inline const record::ExpertPlacement kOnCpu{
    .kind = record::ExpertPlacement::Kind::Cpu, .first_layers = 0, .cpu_layers = {}, .name = "cpu"};
inline const record::ExpertPlacement kOnGpu{
    .kind = record::ExpertPlacement::Kind::Gpu, .first_layers = 0, .cpu_layers = {}, .name = "gpu"};

/// A topology, and what the engine must say of it.
struct Shape {
  forge::Topology topology;
  const char* architecture;
  int experts;
  int used;
  int shared;
};
inline constexpr Shape kShapes[] = {{forge::Topology::GptOss, "gpt-oss", 32, 4, 0},
                                    {forge::Topology::PhiMoe, "phimoe", 16, 2, 0},
                                    {forge::Topology::DeepSeek, "deepseek", 64, 6, 2}};
/// For the names of parametrised tests.
std::string shape_name(const testing::TestParamInfo<Shape>& info);

/// Tiny random models in a folder that goes with the program, each made when it is first asked for.
class Models {
 public:
  Models();
  ~Models();
  std::string path(forge::Topology topology);
  /// On the CPU; loaded once.
  std::shared_ptr<const Model> on_cpu(forge::Topology topology);
  std::shared_ptr<const Model> load(forge::Topology topology, const std::string& device,
                                    const record::ExpertPlacement& experts);
  /// Another file in the folder.
  std::string file(const std::string& name, const std::string& bytes);

 private:
  std::filesystem::path folder_;
  std::map<forge::Topology, std::shared_ptr<const Model>> on_cpu_;
};
Models& models();

/// The first GPU, software or not; "" if there is none.
std::string gpu_name();

/// A reply with all that came of it.
struct Reply {
  std::vector<GeneratedToken> tokens;
  GenerationEnd end;
  std::string text;
  std::vector<Token> ids() const {
    std::vector<Token> all;
    for (const GeneratedToken& token : tokens) all.push_back(token.token);
    return all;
  }
};

/// A generation that is under way; `wait` blocks until its end.
class Pending {
 public:
  Pending(Batcher& batcher, Generation generation, std::function<void(const GeneratedToken&)> seen = {})
      : state_(std::make_shared<State>()) {
    auto state = state_;
    const auto id = batcher.submit(
        std::move(generation),
        [state, seen](const GeneratedToken& token) {
          state->reply.tokens.push_back(token);
          state->reply.text += token.piece;
          if (seen) seen(token);
        },
        [state](GenerationEnd end) {
          state->reply.end = std::move(end);
          state->done.set_value();
        });
    EXPECT_TRUE(id) << id.error().message;
    if (id) id_ = *id;
  }
  std::uint64_t id() const { return id_; }
  Reply wait() {
    const bool ended =
        state_->done.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready;
    EXPECT_TRUE(ended) << "no end within a minute";
    EXPECT_EQ(state_->reply.end.error, "");
    return ended ? state_->reply : Reply{};
  }

 private:
  struct State {
    Reply reply;
    std::promise<void> done;
  };
  std::shared_ptr<State> state_;
  std::uint64_t id_ = 0;
};

/// A batcher with one thread, whatever the options say.
std::unique_ptr<Batcher> start(std::shared_ptr<const Model> model, ContextOptions options);

/// A prompt of `tokens` ordinary tokens, another for each `variant`.
std::vector<Token> prompt_of(const Model& model, std::size_t tokens, std::size_t variant);

/// Exactly `tokens` tokens, each the likeliest.
Generation greedy(std::vector<Token> prompt, int tokens);

/// Expects what must hold of any complete trace: k different experts below E, in order of weight.
void expect_sane(const record::RoutingTrace& trace, const Shape& shape, std::size_t tokens);

/// The share of (token, layer) cells in which both traces chose the same experts, in any order. Two
/// evaluations of the same text round differently, so experts of nearly equal weight may swap or part.
double agreement(const record::RoutingTrace& a, const record::RoutingTrace& b);

}  // namespace moestress::engine

// What serving costs over the engine alone: the same prompts decoded by a Batcher and through `serve`'s HTTP
// API as streams, in pairs one right after the other, in one process, client included.
//   serve_bench MODEL.gguf [THREADS [TOKENS [REPEATS]]]
// Prints, for one and four sessions, tok/s over the wall time of both and their ratio, each as median (least
// to most). On the CPU; leave a core to the loop and the client.
#include <fmt/format.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/batcher.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/url.h"
#include "server/server.h"
#include "summary.h"

namespace {

using namespace moestress;

constexpr int kPromptTokens = 32;
constexpr int kSlots = 4;

std::vector<engine::Token> prompt_of(int vocabulary, int session) {
  std::vector<engine::Token> prompt;
  for (int i = 0; i < kPromptTokens; ++i) prompt.push_back((i * 7919 + session * 104729) % vocabulary);
  return prompt;
}

/// Waits for the end of one streamed reply; the stream itself is only taken in.
class Stream final : public net::ResponseObserver {
 public:
  void on_headers(int status, const net::Headers&) override { status_ = status; }
  bool on_body(std::string_view piece, base::TimePoint) override {
    bytes_ += piece.size();
    return true;
  }
  void on_end(record::Ending ending, const std::string&, base::TimePoint) override {
    ended_.set_value(ending == record::Ending::Complete && status_ == 200 && bytes_ > 0);
  }
  bool succeeded() { return ended_.get_future().get(); }

 private:
  int status_ = 0;
  std::size_t bytes_ = 0;
  std::promise<bool> ended_;
};

class Bench {
 public:
  Bench(std::shared_ptr<const engine::Model> model, engine::Batcher& batcher, std::uint16_t port, int tokens)
      : model_(std::move(model)),
        batcher_(batcher),
        client_(loop_, net::Url{"http", "127.0.0.1", port, ""}),
        thread_([this] { loop_.run(); }),
        tokens_(tokens) {}
  ~Bench() {
    loop_.stop();
    thread_.join();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// tok/s of `sessions` together; absent if one failed.
  std::optional<double> engine_speed(int sessions) {
    std::vector<std::promise<bool>> ends(static_cast<std::size_t>(sessions));
    const base::TimePoint began = loop_.now();
    for (int i = 0; i < sessions; ++i) {
      engine::Generation generation;
      generation.prompt = prompt_of(model_->info().vocabulary, i);
      generation.max_tokens = tokens_;
      generation.ignore_eos = true;
      auto& ended = ends[static_cast<std::size_t>(i)];
      if (!batcher_.submit(
              std::move(generation), [](const engine::GeneratedToken&) {},
              [&ended](const engine::GenerationEnd& end) { ended.set_value(end.error.empty()); }))
        return std::nullopt;
    }
    bool good = true;
    for (auto& end : ends) good &= end.get_future().get();
    return good ? speed(sessions, began) : std::nullopt;
  }

  std::optional<double> serve_speed(int sessions) {
    std::vector<std::shared_ptr<Stream>> streams;
    const base::TimePoint began = loop_.now();
    for (int i = 0; i < sessions; ++i) {
      streams.push_back(std::make_shared<Stream>());
      net::HttpRequest request;
      request.method = "POST";
      request.target = "/v1/completions";
      request.headers = {{"Content-Type", "application/json"}};
      request.body =
          fmt::format(R"({{"prompt":[{}],"max_tokens":{},"ignore_eos":true,"temperature":0,"stream":true}})",
                      fmt::join(prompt_of(model_->info().vocabulary, i), ","), tokens_);
      loop_.post([this, request, stream = streams.back()] { client_.start(request, stream); });
    }
    bool good = true;
    for (const auto& stream : streams) good &= stream->succeeded();
    return good ? speed(sessions, began) : std::nullopt;
  }

 private:
  std::optional<double> speed(int sessions, base::TimePoint began) {
    return sessions * tokens_ / base::to_seconds(loop_.now() - began);
  }

  std::shared_ptr<const engine::Model> model_;
  engine::Batcher& batcher_;
  net::EventLoop loop_;
  net::HttpClient client_;
  std::thread thread_;
  int tokens_;
};

int complain(const std::string& what) {
  fmt::print(stderr, "serve_bench: {}\n", what);
  return 1;
}

int measure(const std::string& path, int threads, int tokens, int repeats) {
  const base::Logger logger(base::LogLevel::Error);
  engine::LoadOptions load;
  load.path = path;
  load.device = "cpu";
  engine::ContextOptions context;
  context.slots = kSlots;
  context.context_tokens = kPromptTokens + tokens;
  context.threads = threads;
  const auto model = engine::Model::load(load, logger);
  if (!model) return complain(model.error().message);
  const auto batcher = engine::Batcher::start(*model, context, logger);
  if (!batcher) return complain(batcher.error().message);
  server::ServeOptions options;
  options.http.port = 0;
  options.load = load;
  options.context = context;
  const auto server = server::Server::start(options, logger);
  if (!server) return complain(server.error().message);
  if (const auto ready = (*server)->wait_ready(); !ready) return complain(ready.error().message);
  Bench bench(*model, **batcher, (*server)->port(), tokens);
  for (const int sessions : {1, kSlots}) {
    std::vector<double> alone, served, ratio;
    for (int repeat = -1; repeat < repeats; ++repeat) {
      // The order within a pair alternates, so that a drift of the machine favours neither; the first warms
      // up.
      const bool served_first = repeat % 2 == 0;
      const auto before = served_first ? bench.serve_speed(sessions) : std::optional<double>();
      const auto engine_speed = bench.engine_speed(sessions);
      const auto serve_speed = served_first ? before : bench.serve_speed(sessions);
      if (!engine_speed || !serve_speed) return complain("a reply failed");
      if (repeat < 0) continue;
      alone.push_back(*engine_speed);
      served.push_back(*serve_speed);
      ratio.push_back(*serve_speed / *engine_speed);
    }
    fmt::print(
        "{} sessions: engine tok/s {}\n            serve tok/s  {}\n            serve over engine {}\n",
        sessions, summary(alone), summary(served), summary(ratio));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 5) {
    fmt::print(stderr, "usage: serve_bench MODEL.gguf [THREADS [TOKENS [REPEATS]]]\n");
    return 2;
  }
  const auto number = [&](int index, int otherwise) {
    return argc > index ? std::atoi(argv[index]) : otherwise;
  };
  const int threads = number(2, 1), tokens = number(3, 256), repeats = number(4, 9);
  if (threads < 1 || tokens < 2 || repeats < 1) return complain("at least 1 thread, 2 tokens and 1 repeat");
  return measure(argv[1], threads, tokens, repeats);
}

// How the server begins and ends, and what it leaves behind.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "serve_testing.h"
#include "server/trace_file.h"

namespace moestress::integration {
namespace {

using std::chrono::seconds;

json endless() {
  return {{"prompt", "Once upon a time"},
          {"temperature", 0},
          {"max_tokens", 8000},
          {"ignore_eos", true},
          {"stream", true}};
}

TEST(ServeLifecycle, DrainsWhatRuns) {
  const auto server = start_ready(tiny_options());
  ASSERT_NE(server, nullptr);
  const Talk talk(*server);
  json body = endless();
  body["max_tokens"] = 1500;
  OpenStream stream(server->port(), "/v1/completions", body);
  server->drain();
  const auto refused = talk.post("/v1/completions", endless());
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(json::parse(refused.body)["error"]["code"], "shutting_down");
  EXPECT_EQ(json::parse(talk.request("GET", "/health").body)["status"], "draining");
  const std::string rest = stream.rest();
  EXPECT_NE(rest.find("\"finish_reason\":\"length\""), std::string::npos);
  EXPECT_NE(rest.find("data: [DONE]"), std::string::npos);
  EXPECT_TRUE(server->wait().has_value());
}

TEST(ServeLifecycle, CutsOffWhatOutlivesTheGracePeriod) {
  auto options = tiny_options();
  options.drain_grace = std::chrono::milliseconds(100);
  const auto server = start_ready(std::move(options));
  ASSERT_NE(server, nullptr);
  OpenStream stream(server->port(), "/v1/completions", endless());
  server->drain();
  EXPECT_TRUE(server->wait().has_value());
  const std::string rest = stream.rest();
  EXPECT_NE(rest.find("shutting_down"), std::string::npos)
      << rest.substr(rest.size() > 400 ? rest.size() - 400 : 0);
  EXPECT_EQ(rest.find("[DONE]"), std::string::npos);
}

TEST(ServeLifecycle, EndsWhileRequestsRun) {
  const auto server = start_ready(tiny_options());
  ASSERT_NE(server, nullptr);
  OpenStream stream(server->port(), "/v1/completions", endless());
  server->stop();
  EXPECT_TRUE(server->wait().has_value());
}

TEST(ServeLifecycle, DrainsAtOnceWhereNothingRuns) {
  const auto server = start_ready(tiny_options());
  ASSERT_NE(server, nullptr);
  const auto begun = std::chrono::steady_clock::now();
  server->drain();
  EXPECT_TRUE(server->wait().has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(2));
}

TEST(ServeLifecycle, FillsItsContextToTheLastToken) {
  auto options = tiny_options();
  options.context.context_tokens = 64;
  const auto server = start_ready(std::move(options));
  ASSERT_NE(server, nullptr);
  const Talk talk(*server);
  json body = endless();
  body.update({{"stream", false}, {"prompt", std::vector<int>(40, 5)}, {"max_tokens", 24}});
  const json full = talk.post_json("/v1/completions", body);
  EXPECT_EQ(full["usage"]["total_tokens"], 64);
  EXPECT_EQ(full["choices"][0]["finish_reason"], "length");
  body["max_tokens"] = 25;
  EXPECT_EQ(talk.post("/v1/completions", body).status, 400);
  // Without max_tokens a chat may take what is left.
  const json chat = talk.post_json(
      "/v1/chat/completions", {{"messages", {{{"role", "user"}, {"content", "a"}}}}, {"ignore_eos", true}});
  EXPECT_EQ(chat["usage"]["total_tokens"], 64);
}

TEST(ServeLifecycle, SaysThatThePortIsTaken) {
  const auto first = start_ready(tiny_options());
  ASSERT_NE(first, nullptr);
  auto options = tiny_options();
  options.http.port = first->port();
  const auto second = server::Server::start(std::move(options), base::Logger(base::LogLevel::Off));
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find(std::to_string(first->port())), std::string::npos)
      << second.error().message;
}

TEST(ServeLifecycle, SaysThatTheModelCanNotBeLoaded) {
  const ScratchFolder folder("serve-broken");
  const std::string broken = folder.file("broken.gguf");
  std::ofstream(broken) << "GGUF but no more";
  for (const std::string& path : {broken, folder.file("absent.gguf")}) {
    auto options = tiny_options();
    options.load.path = path;
    const auto server = server::Server::start(std::move(options), base::Logger(base::LogLevel::Off));
    ASSERT_TRUE(server.has_value());
    const auto ready = (*server)->wait_ready();
    ASSERT_FALSE(ready.has_value());
    EXPECT_NE(ready.error().message.find(path), std::string::npos) << ready.error().message;
    const auto ended = (*server)->wait();
    ASSERT_FALSE(ended.has_value());
    EXPECT_EQ(ended.error().message, ready.error().message);
  }
}

TEST(ServeLifecycle, TracesTheRoutingOfEveryRequest) {
  const ScratchFolder folder("serve-trace");
  const std::string path = folder.file("routing.bin");
  auto options = tiny_options();
  options.trace_path = path;
  auto server = start_ready(std::move(options));
  ASSERT_NE(server, nullptr);
  const Talk talk(*server);
  EXPECT_EQ(talk.get_json("/props")["trace_routing"], true);
  json body = endless();
  body.update({{"stream", false}, {"max_tokens", 10}});
  const json first = talk.post_json("/v1/completions", body);
  const json second = talk.post_json("/v1/completions", body);
  server->drain();
  EXPECT_TRUE(server->wait().has_value());
  server.reset();

  auto reader = server::TraceReader::open(path);
  ASSERT_TRUE(reader.has_value()) << reader.error().message;
  for (const json& reply : {first, second}) {
    const auto frame = reader->next();
    ASSERT_TRUE(frame.has_value()) << frame.error().message;
    ASSERT_TRUE(frame->has_value());
    const server::TracedRequest& request = **frame;
    EXPECT_EQ(request.id, reply["id"]);
    EXPECT_EQ(request.prompt_tokens, reply["usage"]["prompt_tokens"]);
    EXPECT_EQ(request.tokens.size(), reply["usage"]["total_tokens"]);
    EXPECT_EQ(request.routing.experts, 32);
    EXPECT_EQ(request.routing.k, 4);
    EXPECT_GE(request.routing.tokens, request.tokens.size() - 1);
    EXPECT_TRUE(request.routing.present(0, 0));
  }
  EXPECT_FALSE(reader->next().value().has_value());
}

}  // namespace
}  // namespace moestress::integration

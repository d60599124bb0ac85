#include "server/api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "net/event_loop.h"
#include "net/http_client.h"

namespace moestress::server {
namespace {

using nlohmann::json;

/// The routes behind a real socket, while no model is loaded.
class ApiWithoutModel : public ::testing::Test {
 protected:
  void serve(const std::string& key = {}) {
    options_.load.path = "/somewhere/tiny-model.gguf";
    options_.version = "9.9";
    options_.api_key = key;
    api_ = std::make_unique<Api>(loop_, work_, options_, 1);
    auto server = net::HttpServer::listen(
        loop_, {},
        [this](const net::ServerRequest& request, net::Responder responder) {
          api_->handle(request, std::move(responder));
        },
        [this](const net::ServerRequest& request, net::WebSocketPeer peer) {
          return api_->handle_websocket(request, std::move(peer));
        });
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
    thread_ = std::thread([this] { loop_.run(); });
  }

  void TearDown() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }

  net::HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = {},
                        const net::Headers& headers = {}) {
    const net::Url url{.scheme = "http", .host = "127.0.0.1", .port = server_->port(), .path = ""};
    auto response = net::fetch(url, {.method = method, .target = path, .headers = headers, .body = body});
    EXPECT_TRUE(response.has_value()) << response.error().message;
    return response ? *response : net::HttpResponse{};
  }

  static std::string header(const net::HttpResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (::strcasecmp(key.c_str(), name.c_str()) == 0) return value;
    }
    return {};
  }

  ServeOptions options_;
  net::EventLoop loop_;
  base::WorkQueue work_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::HttpServer> server_;
  std::thread thread_;
};

constexpr const char* kChat = R"({"messages":[{"role":"user","content":"hi"}]})";

TEST_F(ApiWithoutModel, SaysThatItIsLoading) {
  serve();
  api_->progress = 0.25F;
  const auto health = ask("GET", "/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(json::parse(health.body), json::parse(R"({"status":"loading","progress":0.25})"));
  for (const char* path :
       {"/v1/chat/completions", "/v1/completions", "/api/generate", "/tokenize", "/detokenize"}) {
    const auto refused = ask("POST", path, kChat);
    EXPECT_EQ(refused.status, 503) << path;
    EXPECT_EQ(json::parse(refused.body)["error"]["code"], "loading") << path;
    EXPECT_EQ(header(refused, "Retry-After"), "1") << path;
  }
  EXPECT_EQ(ask("GET", "/props").status, 503);
  EXPECT_EQ(json::parse(ask("GET", "/v1/models").body)["data"], json::array());
  const auto metrics = ask("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_NE(metrics.body.find("moestress_model_loaded 0\n"), std::string::npos);
  EXPECT_NE(metrics.body.find("moestress_requests_total{endpoint=\"/tokenize\",status=\"503\"} 1\n"),
            std::string::npos)
      << metrics.body;
}

TEST_F(ApiWithoutModel, SaysThatItIsDraining) {
  serve();
  api_->refuse_new();
  const auto health = ask("GET", "/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(json::parse(health.body)["status"], "draining");
  EXPECT_EQ(json::parse(ask("POST", "/v1/completions", "{}").body)["error"]["code"], "shutting_down");
}

TEST_F(ApiWithoutModel, AnswersUnknownPathsAndMethods) {
  serve();
  const auto unknown = ask("GET", "/v2/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(json::parse(unknown.body)["error"]["code"], "unknown_url");
  EXPECT_EQ(ask("GET", "/v1/models/other").status, 404);
  EXPECT_EQ(ask("GET", "/ws/generate").status, 404) << "without an upgrade";
  const auto method = ask("DELETE", "/v1/chat/completions");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(header(method, "Allow"), "POST");
  const std::string metrics = ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("{endpoint=\"other\",status=\"404\"} 2\n"), std::string::npos) << metrics;
  EXPECT_EQ(metrics.find("nothing"), std::string::npos) << "a client's path is no label";
}

TEST_F(ApiWithoutModel, AsksForTheKey) {
  serve("sesame");
  EXPECT_EQ(ask("GET", "/health").status, 503) << "health is open";
  for (const char* path : {"/v1/models", "/metrics", "/props", "/nowhere", "/v1/models/x"}) {
    const auto refused = ask("GET", path);
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_EQ(header(refused, "WWW-Authenticate"), "Bearer") << path;
    EXPECT_EQ(ask("GET", path, "", {{"Authorization", "Bearer Sesame"}}).status, 401) << path;
  }
  EXPECT_EQ(ask("GET", "/v1/models", "", {{"Authorization", "Bearer sesame"}}).status, 200);
  EXPECT_EQ(ask("POST", "/v1/completions", "{}", {{"Authorization", "Bearer sesame"}}).status, 503);
}

TEST(ServedId, IsTheFilesName) {
  EXPECT_EQ(served_id("/a/b/gpt-oss-20b.Q4.gguf"), "gpt-oss-20b.Q4");
  EXPECT_EQ(served_id("model.bin"), "model.bin");
}

}  // namespace
}  // namespace moestress::server

#include "target/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <sstream>
#include <thread>

#include "net/http_server.h"

namespace moestress::target {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using record::Ending;
using record::Endpoint;
using record::Outcome;
using record::Request;
using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::seconds kPatience{10};

/// A loop on a thread of its own, with a server on it whose handler the test gives.
class TargetTest : public testing::Test {
 protected:
  TargetTest() : epoch_(clock_.now()), thread_([this] { loop_.run(); }) {}

  ~TargetTest() override {
    target_.reset();
    on_loop([this] {
      held_.clear();
      server_.reset();
    });
    loop_.post([this] { loop_.stop(); });
    thread_.join();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  /// Serves /health and, for `dialect`, what shows it; the rest goes to `on_request_`.
  void serve() {
    on_loop([this] {
      auto server = net::HttpServer::listen(
          loop_, {},
          [this](const net::ServerRequest& request, net::Responder responder) {
            {
              const std::lock_guard lock(mutex_);
              paths_.push_back(request.path);
              if (const auto* key = request.header("authorization")) keys_.push_back(*key);
            }
            if (request.path == "/health") {
              responder.send(200, "application/json", "{}");
            } else if (request.path == "/v1/models") {
              responder.send(200, "application/json", R"({"data":[{"id":"m1"}]})");
            } else if (request.method == "POST" && on_post_) {
              on_post_(request, responder);
            } else {
              responder.send(404, "text/plain", "");
            }
          },
          [this](const net::ServerRequest&, net::WebSocketPeer peer) {
            if (!on_web_socket_) return false;
            on_web_socket_(peer);
            return true;
          });
      ASSERT_TRUE(server) << server.error().message;
      server_ = std::move(*server);
    });
  }

  TargetSpec attached(Dialect dialect) {
    TargetSpec spec;
    spec.url = net::parse_url("http://127.0.0.1:" + std::to_string(server_->port())).value();
    spec.dialect = dialect;
    return spec;
  }

  void attach(TargetSpec spec) {
    auto target = Target::start(loop_, clock_, epoch_, std::move(spec), base::Logger(base::LogLevel::Off));
    ASSERT_TRUE(target) << target.error().message;
    target_ = std::move(*target);
  }

  /// Sends from the loop's thread; the future is ready at the request's end.
  std::future<Outcome> send(const Request& request, std::uint64_t* id = nullptr) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    on_loop([&] {
      const std::uint64_t sent =
          target_->send(request, [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
      if (id != nullptr) *id = sent;
    });
    return promise->get_future();
  }
  Outcome exchange(const Request& request) {
    auto future = send(request);
    if (future.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "no outcome";
      return {};
    }
    return future.get();
  }

  static Request chat() {
    Request request;
    request.id = {1};
    request.messages = {{"user", "Hi"}};
    request.planned_start = 5ms;
    return request;
  }

  SpawnSpec program(const std::string& arguments) {
    if (folder_.empty()) {
      std::string pattern = (std::filesystem::temp_directory_path() / "moestress-target-XXXXXX").string();
      if (mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
    }
    SpawnSpec spec = shell_command("exec " TARGET_TEST_SERVER " " + arguments);
    spec.log_path = folder_ / "target.log";
    return spec;
  }

  base::SystemClock clock_;
  base::TimePoint epoch_;
  net::EventLoop loop_;
  std::thread thread_;
  std::unique_ptr<net::HttpServer> server_;
  std::function<void(const net::ServerRequest&, net::Responder)> on_post_;
  std::function<void(net::WebSocketPeer)> on_web_socket_;
  std::vector<net::Responder> held_;  ///< unanswered requests; dropped, they would be answered 500
  std::unique_ptr<Target> target_;
  std::filesystem::path folder_;
  std::mutex mutex_;
  std::vector<std::string> paths_;
  std::vector<std::string> keys_;
};

std::string event(const std::string& text) {
  return R"(data: {"choices":[{"delta":{"content":")" + text + "\"}}]}\n\n";
}

TEST_F(TargetTest, AttachesAndAsksForDialectAndModel) {
  serve();
  TargetSpec spec = attached(Dialect::Auto);
  spec.url->path = "/v1";  // as clients' base URLs have it
  attach(std::move(spec));
  EXPECT_EQ(target_->dialect(), Dialect::OpenAi);
  EXPECT_EQ(target_->model_name(), "m1");
  EXPECT_FALSE(target_->pid());
  EXPECT_FALSE(target_->death());
  EXPECT_EQ(target_->log_path(), "");
  EXPECT_TRUE(target_->supports(Endpoint::Chat));
  EXPECT_FALSE(target_->supports(Endpoint::ShimmyWebSocket));
  EXPECT_THAT(target_->endpoint_url(), HasSubstr(std::to_string(server_->port())));
}

TEST_F(TargetTest, StreamsAChat) {
  std::string body;
  on_post_ = [&](const net::ServerRequest& request, net::Responder responder) {
    body = request.body;
    responder.start_stream(200, "text/event-stream");
    responder.write(event("Hel"));
    responder.write(event("lo"));
    responder.write("data: [DONE]\n\n");
    responder.finish();
  };
  serve();
  attach(attached(Dialect::OpenAi));
  const Outcome outcome = exchange(chat());
  EXPECT_TRUE(outcome.ok()) << outcome.detail;
  EXPECT_EQ(outcome.text, "Hello");
  EXPECT_EQ(outcome.planned, 5ms);
  EXPECT_GT(outcome.sent, 0ms);
  EXPECT_LE(outcome.sent, outcome.first_byte);
  EXPECT_LE(outcome.first_byte, outcome.first_text);
  EXPECT_LE(outcome.last_text, outcome.done);
  EXPECT_THAT(body, HasSubstr(R"("model":"m1")"));
}

TEST_F(TargetTest, SpeaksOverAWebSocket) {
  std::string asked;
  on_web_socket_ = [&](net::WebSocketPeer peer) {
    peer.on_message([&asked, peer](std::string_view payload, bool) mutable {
      asked = payload;
      peer.send_text("Hel");
      peer.send_text("lo");
      peer.send_text(R"({"done":true})");
    });
  };
  serve();
  attach(attached(Dialect::Shimmy));
  Request request = chat();
  request.endpoint = Endpoint::ShimmyWebSocket;
  request.prompt = "Hi";
  const Outcome outcome = exchange(request);
  EXPECT_TRUE(outcome.ok()) << outcome.detail;
  EXPECT_EQ(outcome.text, "Hello");
  EXPECT_THAT(asked, HasSubstr(R"("prompt":"Hi")"));
  EXPECT_GE(outcome.sent, 0ms);
  EXPECT_LE(outcome.sent, outcome.first_text);
}

TEST_F(TargetTest, ARefusedUpgradeIsAnOutcome) {
  serve();
  attach(attached(Dialect::Shimmy));
  Request request = chat();
  request.endpoint = Endpoint::ShimmyWebSocket;
  EXPECT_EQ(exchange(request).ending, Ending::Http4xx);
}

TEST_F(TargetTest, CancellingHangsUp) {
  std::promise<void> hung_up;
  std::promise<void> began;
  on_post_ = [&](const net::ServerRequest&, net::Responder responder) {
    responder.start_stream(200, "text/event-stream");
    responder.write(event("half"));
    responder.on_disconnect([&] { hung_up.set_value(); });
    held_.push_back(responder);
    began.set_value();
  };
  serve();
  attach(attached(Dialect::OpenAi));
  std::uint64_t id = 0;
  auto future = send(chat(), &id);
  ASSERT_EQ(began.get_future().wait_for(kPatience), std::future_status::ready);
  on_loop([&] { target_->cancel(id); });
  ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(future.get().ending, Ending::Cancelled);
  EXPECT_EQ(hung_up.get_future().wait_for(kPatience), std::future_status::ready) << "the server must notice";
  on_loop([&] { target_->cancel(id); });  // nothing left to cancel
}

TEST_F(TargetTest, CancellingAWebSocketHangsUp) {
  std::promise<void> hung_up;
  std::promise<void> began;
  on_web_socket_ = [&](net::WebSocketPeer peer) {
    peer.on_close([&] { hung_up.set_value(); });
    peer.on_message([&, peer](std::string_view, bool) mutable {
      peer.send_text("half");
      began.set_value();
    });
  };
  serve();
  attach(attached(Dialect::Moestress));
  Request request = chat();
  request.endpoint = Endpoint::ShimmyWebSocket;
  std::uint64_t id = 0;
  auto future = send(request, &id);
  ASSERT_EQ(began.get_future().wait_for(kPatience), std::future_status::ready);
  on_loop([&] { target_->cancel(id); });
  ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(future.get().ending, Ending::Cancelled);
  EXPECT_EQ(hung_up.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST_F(TargetTest, StoppingCancelsWhatIsInFlight) {
  on_post_ = [&](const net::ServerRequest&, net::Responder responder) { held_.push_back(responder); };
  on_web_socket_ = [](net::WebSocketPeer) {};
  serve();
  attach(attached(Dialect::Moestress));
  auto http = send(chat());
  Request request = chat();
  request.endpoint = Endpoint::ShimmyWebSocket;
  auto web_socket = send(request);
  ASSERT_TRUE(target_->stop());
  for (auto* future : {&http, &web_socket}) {
    ASSERT_EQ(future->wait_for(0s), std::future_status::ready) << "stop waits for it";
    const Outcome outcome = future->get();
    EXPECT_EQ(outcome.ending, Ending::Cancelled);
    EXPECT_THAT(outcome.detail, HasSubstr("stopped"));
  }
}

TEST_F(TargetTest, AnEndpointThatIsNotThereIsNotSent) {
  serve();
  attach(attached(Dialect::OpenAi));
  Request request = chat();
  request.endpoint = Endpoint::ShimmyGenerate;
  const Outcome outcome = exchange(request);
  EXPECT_EQ(outcome.ending, Ending::Cancelled);
  EXPECT_EQ(outcome.detail, "not sent: openai has no endpoint 'shimmy_generate'");
}

TEST_F(TargetTest, TheKeyGoesToTheServerAndNowhereElse) {
  on_post_ = [](const net::ServerRequest&, net::Responder responder) {
    responder.send(401, "application/json", R"({"error":{"message":"wrong key"}})");
  };
  serve();
  TargetSpec spec = attached(Dialect::Auto);
  spec.api_key = "sesame";
  testing::internal::CaptureStderr();
  auto target = Target::start(loop_, clock_, epoch_, std::move(spec), base::Logger(base::LogLevel::Debug));
  ASSERT_TRUE(target);
  target_ = std::move(*target);
  const Outcome outcome = exchange(chat());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("sesame")));
  EXPECT_THAT(outcome.detail, Not(HasSubstr("sesame")));
  EXPECT_EQ(outcome.ending, Ending::Http4xx);
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(keys_.size(), paths_.size());
  for (const std::string& key : keys_) EXPECT_EQ(key, "Bearer sesame");
}

TEST_F(TargetTest, TokenizesWhereTheServerCan) {
  std::string body, answer = R"({"tokens":[1,2,300]})";
  on_post_ = [&](const net::ServerRequest& request, net::Responder responder) {
    body = request.body;
    responder.send(200, "application/json", answer);
  };
  serve();
  attach(attached(Dialect::LlamaServer));
  EXPECT_EQ(target_->tokenize("Hi").value(), (std::vector{1, 2, 300}));
  EXPECT_THAT(body, HasSubstr(R"("content":"Hi")"));
  for (const char* bad :
       {"{}", "[]", R"({"tokens":[1.5]})", R"({"tokens":[-1]})", R"({"tokens":["a"]})", "x"}) {
    answer = bad;
    EXPECT_EQ(target_->tokenize("Hi").error().code, ErrorCode::Unsupported) << bad;
  }
  attach(attached(Dialect::OpenAi));
  EXPECT_EQ(target_->tokenize("Hi").error().code, ErrorCode::Unsupported);
}

TEST_F(TargetTest, GetsABody) {
  serve();
  attach(attached(Dialect::OpenAi));
  EXPECT_EQ(target_->get("/health").value(), "{}");
  EXPECT_EQ(target_->get("/metrics").error().code, ErrorCode::Unsupported);
}

TEST_F(TargetTest, StartsAProgramAndWaitsUntilItHasLoaded) {
  TargetSpec spec;
  spec.spawn = program("{port} 300");
  attach(std::move(spec));
  EXPECT_GE(target_->ready_after(), 250ms) << "503 is not ready";
  EXPECT_EQ(target_->model_name(), "tiny");
  ASSERT_TRUE(target_->pid());
  EXPECT_EQ(kill(*target_->pid(), 0), 0);
  EXPECT_THAT(target_->endpoint_url(), HasSubstr("http://127.0.0.1:"));
  EXPECT_FALSE(target_->death());
  std::stringstream log;
  log << std::ifstream(target_->log_path()).rdbuf();
  EXPECT_THAT(log.str(), HasSubstr("loading on port"));

  ASSERT_TRUE(target_->stop());
  EXPECT_THAT(target_->death().value(), HasSubstr("as it was asked to"));
  EXPECT_NE(kill(*target_->pid(), 0), 0);
}

TEST_F(TargetTest, NoticesTheDeathOfAProgram) {
  TargetSpec spec;
  spec.spawn = program("{port} 0");
  attach(std::move(spec));
  ASSERT_EQ(kill(*target_->pid(), SIGKILL), 0);
  EXPECT_EQ(exchange(chat()).text, "");
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!target_->death() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
  EXPECT_THAT(target_->death().value_or(""), HasSubstr("SIGKILL"));
}

TEST_F(TargetTest, AProgramThatDiesWhileLoadingIsQuoted) {
  TargetSpec spec;
  spec.spawn = program("{port} 100 7");
  const auto target =
      Target::start(loop_, clock_, epoch_, std::move(spec), base::Logger(base::LogLevel::Off));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, ErrorCode::TargetDied);
  EXPECT_THAT(target.error().message, HasSubstr("exited with code 7"));
  EXPECT_THAT(target.error().message, HasSubstr("  error: no such model"));
}

TEST_F(TargetTest, AProgramThatIsNeverReadyIsGivenUp) {
  TargetSpec spec;
  spec.spawn = program("{port} 600000");
  spec.ready_timeout = 300ms;
  const auto target =
      Target::start(loop_, clock_, epoch_, std::move(spec), base::Logger(base::LogLevel::Off));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, ErrorCode::Unreachable);
  EXPECT_THAT(target.error().message, HasSubstr("503 Loading model"));
  EXPECT_THAT(target.error().message, HasSubstr("loading on port"));
}

TEST_F(TargetTest, RefusesWhatCantBeATarget) {
  const auto error = [this](TargetSpec spec) {
    auto target = Target::start(loop_, clock_, epoch_, std::move(spec), base::Logger(base::LogLevel::Off));
    return target ? base::Error{} : target.error();
  };
  EXPECT_EQ(error({}).code, ErrorCode::Usage);

  TargetSpec no_port;
  no_port.spawn = program("8080 0");
  EXPECT_EQ(error(no_port).code, ErrorCode::Usage);
  EXPECT_THAT(error(no_port).message, HasSubstr("{port}"));

  serve();
  TargetSpec taken = attached(Dialect::Auto);
  taken.spawn = program("{port} 0");
  EXPECT_EQ(error(taken).code, ErrorCode::Usage);
  EXPECT_THAT(error(taken).message, HasSubstr("listens on"));
}

}  // namespace
}  // namespace moestress::target

#include "target/misuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <thread>

#include "net/http_server.h"
#include "target/connection_times.h"
#include "target/slow_reader.h"

namespace moestress::target {
namespace {

using namespace std::chrono_literals;
using record::Endpoint;
using testing::HasSubstr;

/// A server with one handler for all, on a loop of its own.
class MisuseTest : public testing::Test {
 protected:
  MisuseTest() : thread_([this] { loop_.run(); }) {
    on_loop([this] {
      auto server = net::HttpServer::listen(
          loop_, {.body_bytes = 64 * 1024},
          [this](const net::ServerRequest& request, net::Responder responder) {
            ++requests_[request.method + " " + request.path];
            body_ = request.body;
            on_request_(request, responder);
          },
          [this](const net::ServerRequest&, net::WebSocketPeer peer) {
            peer.on_message([this, peer](std::string_view text, bool) mutable { on_message_(peer, text); });
            return true;
          });
      server_ = std::move(*server);
      address_.url.port = server_->port();
    });
    address_.dialect = Dialect::Moestress;
    address_.model = "a \"model\"";
    answer(400);
  }
  ~MisuseTest() override {
    on_loop([this] {
      held_.clear();
      server_.reset();
    });
    loop_.stop();
    thread_.join();
  }

  void on_loop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  void answer(int status) {
    on_request_ = [status](const net::ServerRequest&, net::Responder responder) {
      responder.send(status, "application/json", R"({"error":{"message":"no such luck"}})");
    };
  }
  MisuseResult misuse(Misuse kind, base::Duration patience = 5s) const {
    return target::misuse(address_, kind, Endpoint::Chat, patience);
  }

  net::EventLoop loop_;
  std::thread thread_;
  std::unique_ptr<net::HttpServer> server_;
  Address address_;
  std::function<void(const net::ServerRequest&, net::Responder)> on_request_;
  std::function<void(net::WebSocketPeer&, std::string_view)> on_message_ = [](net::WebSocketPeer&,
                                                                              std::string_view) {};
  std::map<std::string, int> requests_;
  std::string body_;
  std::vector<net::Responder> held_;
};

TEST_F(MisuseTest, ASoundServerRefusesOrClosesEveryKind) {
  on_message_ = [](net::WebSocketPeer& peer, std::string_view) { peer.send_text(R"({"error":"no"})"); };
  for (const Misuse kind : kMisuses) {
    const MisuseResult result = misuse(kind);
    const auto wrong = objection(kind, result);
    EXPECT_FALSE(wrong) << to_string(kind) << " " << *wrong;
  }
  EXPECT_EQ(requests_["POST /v1/no/such/endpoint"], 1);
  EXPECT_EQ(requests_["DELETE /v1/chat/completions"], 1);
}

TEST_F(MisuseTest, AServerErrorIsWrong) {
  answer(500);
  const MisuseResult result = misuse(Misuse::BadJson);
  EXPECT_EQ(result.status, 500);
  EXPECT_EQ(result.ending, MisuseEnding::ServerError);
  EXPECT_THAT(objection(Misuse::BadJson, result).value_or(""), HasSubstr("status 500 (no such luck)"));
  EXPECT_THAT(body_, HasSubstr(R"({"model":"a \"model\"",)"));
}

TEST_F(MisuseTest, AcceptingIsWrongOnlyWhereNothingSensibleCanBeRead) {
  answer(200);
  for (const Misuse kind : {Misuse::BadJson, Misuse::MissingInput, Misuse::UnknownEndpoint,
                            Misuse::WrongMethod, Misuse::EmptyBody, Misuse::NotAnObject, Misuse::WrongType})
    EXPECT_TRUE(objection(kind, misuse(kind))) << to_string(kind);
  for (const Misuse kind : {Misuse::NegativeTokens, Misuse::HugeTokens, Misuse::InvalidUtf8}) {
    const MisuseResult result = misuse(kind);
    EXPECT_EQ(result.ending, MisuseEnding::Accepted);
    EXPECT_FALSE(objection(kind, result)) << to_string(kind);
  }
}

TEST_F(MisuseTest, ClosingIsWrongWhereHttpIsSound) {
  on_request_ = [](const net::ServerRequest&, net::Responder responder) { responder.abort(); };
  const MisuseResult result = misuse(Misuse::BadJson);
  EXPECT_EQ(result.ending, MisuseEnding::Closed);
  EXPECT_TRUE(objection(Misuse::BadJson, result));
  EXPECT_FALSE(objection(Misuse::NotHttp, result));
}

TEST_F(MisuseTest, SilenceIsAHang) {
  on_request_ = [this](const net::ServerRequest&, net::Responder responder) { held_.push_back(responder); };
  const MisuseResult result = misuse(Misuse::BadJson, 50ms);
  EXPECT_EQ(result.ending, MisuseEnding::Hung);
  EXPECT_TRUE(objection(Misuse::BadJson, result));
  EXPECT_EQ(misuse(Misuse::SocketBadJson, 50ms).ending, MisuseEnding::Hung);
}

TEST_F(MisuseTest, AReplyOverTheWebSocketIsAccepted) {
  on_message_ = [](net::WebSocketPeer& peer, std::string_view) { peer.send_text("Hello"); };
  const MisuseResult result = misuse(Misuse::SocketMissingInput);
  EXPECT_EQ(result.ending, MisuseEnding::Accepted);
  EXPECT_THAT(objection(Misuse::SocketMissingInput, result).value_or(""), HasSubstr("accepted (Hello)"));
}

TEST_F(MisuseTest, NobodyThere) {
  on_loop([this] { server_.reset(); });
  const MisuseResult result = misuse(Misuse::BadJson);
  EXPECT_EQ(result.ending, MisuseEnding::NotConnected);
  EXPECT_TRUE(objection(Misuse::BadJson, result));
}

TEST_F(MisuseTest, ASlowReaderGetsItAllOnceItHurries) {
  on_request_ = [](const net::ServerRequest&, net::Responder responder) {
    responder.start_stream(200, "text/event-stream");
    for (int i = 0; i < 200; ++i) responder.write("data: {\"choices\":[]}\n\n");
    responder.write("data: [DONE]\n\n");
    responder.finish();
  };
  record::Request request;
  request.messages = {{"user", "Hello"}};
  const SlowReply slow = read_slowly(address_, request, {.bytes = 8, .every = 10ms, .patience = 200ms});
  EXPECT_EQ(slow.status, 200);
  EXPECT_FALSE(slow.whole);
  EXPECT_GT(slow.slow_bytes, 0U);
  EXPECT_THAT(slow.detail, HasSubstr("in time"));
  const std::atomic<bool> hurry{true};
  const SlowReply whole = read_slowly(address_, request, {.hurry = &hurry});
  EXPECT_TRUE(whole.whole) << whole.detail;
  EXPECT_EQ(whole.slow_bytes, 0U);
}

TEST_F(MisuseTest, ConnectionsAreTimedFreshAndKept) {
  answer(200);
  const ConnectionTimes times = connection_times(address_, 5);
  EXPECT_EQ(times.fresh_ms.size(), 5U);
  EXPECT_EQ(times.kept_ms.size(), 5U);
  EXPECT_EQ(times.kept_closed, 0);
  EXPECT_EQ(requests_["GET /health"], 10);
  answer(503);
  const ConnectionTimes failed = connection_times(address_, 2);
  EXPECT_EQ(failed.fresh_failed, 2);
  EXPECT_EQ(failed.kept_failed, 2);
  EXPECT_EQ(failed.first_failure, "status 503");
}

}  // namespace
}  // namespace moestress::target

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/net_testing.h"
#include "net/websocket_client.h"
#include "net/websocket_testing.h"

namespace moestress::net {
namespace {

using record::Ending;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

/// A server whose "/echo" sends back each message, after a greeting sent from within the upgrade; "/hold"
/// keeps the peer for the test. Other paths have no WebSocket.
class Server {
 public:
  explicit Server(ServerOptions options = {}) {
    const auto on_request = [](const ServerRequest&, Responder responder) {
      responder.send(200, "text/plain", "plain");
    };
    const auto on_websocket = [this](const ServerRequest& request, WebSocketPeer peer) {
      peer.on_close([this] { closed.set(true); });
      if (request.path == "/hold") {
        held.set(peer);
        return true;
      }
      peer.on_message([this, peer](std::string_view payload, bool text) mutable {
        was_text = text;
        if (payload == "bye") {
          peer.send_text("good bye");
          peer.close();
        } else {
          peer.send_text(std::string(payload));
        }
      });
      peer.send_text("hello " + request.query);
      return request.path == "/echo";
    };
    server = thread.call([&] { return *HttpServer::listen(thread.loop, options, on_request, on_websocket); });
  }
  ~Server() {
    thread.call([this] { server.reset(); });
  }

  /// A bare client whose upgrade was accepted.
  RawPeer connect(const std::string& target, int receive_buffer = 0) const {
    RawPeer peer = RawPeer::connect(server->port(), receive_buffer);
    peer.send(upgrade_request(target));
    EXPECT_THAT(peer.receive_until("\r\n\r\n"),
                HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    return peer;
  }

  std::atomic<bool> was_text{true};
  Awaited<WebSocketPeer> held;
  Awaited<bool> closed;
  LoopThread thread;
  std::unique_ptr<HttpServer> server;
};

TEST(WebSocketServer, EchoesWholeAndFragmentedMessagesAndAnswersPings) {
  Server server;
  RawPeer peer = server.connect("/echo?me");
  EXPECT_EQ(peer.receive_until("me"), frame(kText, "hello me", false));
  peer.send(frame(kText, "abc", true));
  EXPECT_EQ(peer.receive_until("abc"), frame(kText, "abc", false));
  peer.send(frame(kText, "\xC3", true, false) + frame(kPing, "pi", true) +
            frame(kContinuation, "", true, false) + frame(kContinuation, "\xA9 end", true));
  EXPECT_EQ(peer.receive_until("end"), frame(kPong, "pi", false) + frame(kText, "é end", false));
  const std::string large(200'000, 'z');
  peer.send(frame(kText, large + "!", true));
  EXPECT_TRUE(peer.receive_until("!") == frame(kText, large + "!", false));
  peer.send(frame(kBinary, "bin", true));
  EXPECT_EQ(peer.receive_until("bin"), frame(kText, "bin", false));
  EXPECT_FALSE(server.was_text);
  peer.send(frame(kClose, close_payload(1000), true));
  EXPECT_EQ(peer.receive_all(), frame(kClose, close_payload(1000), false));
  EXPECT_TRUE(server.closed.get());
}

TEST(WebSocketServer, ClosesAfterWhatIsQueued) {
  Server server;
  RawPeer peer = server.connect("/echo?");
  peer.receive_until("hello ");
  peer.send(frame(kText, "bye", true));
  EXPECT_EQ(peer.receive_until("bye"), frame(kText, "good bye", false));
  EXPECT_EQ(peer.receive_until(close_payload(1000)), frame(kClose, close_payload(1000), false));
  peer.send(frame(kClose, close_payload(1000), true));
  EXPECT_EQ(peer.receive_all(), "");
  EXPECT_TRUE(server.closed.get());
}

struct Offence {
  const char* name;
  std::string frames;
  int code;
};

class WebSocketServerCloses : public testing::TestWithParam<Offence> {};

TEST_P(WebSocketServerCloses, WithItsCode) {
  ServerOptions options;
  options.frame_bytes = 1000;
  Server server(options);
  RawPeer peer = server.connect("/hold");
  peer.send(GetParam().frames);
  const std::string answer = peer.receive();
  ASSERT_GE(answer.size(), 4u);
  EXPECT_EQ(answer[0], '\x88');
  EXPECT_EQ(answer.substr(2, 2), close_payload(GetParam().code));
  peer.close();
  EXPECT_TRUE(server.closed.get());
}

INSTANTIATE_TEST_SUITE_P(
    All, WebSocketServerCloses,
    testing::Values(Offence{"Unmasked", frame(kText, "x", false), 1002},
                    Offence{"ReservedOpcode", frame(5, "x", true), 1002},
                    Offence{"LoneContinuation", frame(kContinuation, "x", true), 1002},
                    Offence{"FragmentedPing", frame(kPing, "x", true, false), 1002},
                    Offence{"TextInsideText", frame(kText, "x", true, false) + frame(kText, "y", true), 1002},
                    Offence{"NotUtf8", frame(kText, "ab\xFF", true), 1007},
                    Offence{"CutUtf8", frame(kText, "\xE2\x82", true), 1007},
                    Offence{"TooLarge", frame(kText, std::string(1001, 'x'), true), 1009},
                    Offence{"TooLargeInPieces",
                            frame(kText, std::string(600, 'x'), true, false) +
                                frame(kContinuation, std::string(600, 'x'), true),
                            1009},
                    Offence{"AnnouncedTooLarge",
                            std::string("\x81\xFF\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", 14),
                            1009}),
    [](const auto& info) { return info.param.name; });

TEST(WebSocketServer, NoticesAClientThatLeaves) {
  for (const bool reset : {false, true}) {
    Server server;
    RawPeer peer = server.connect("/hold");
    peer.send(frame(kText, "half a frame", true).substr(0, 6));
    server.held.get();
    const auto left_at = std::chrono::steady_clock::now();
    if (reset) {
      peer.reset();
    } else {
      peer.close();
    }
    EXPECT_TRUE(server.closed.get());
    EXPECT_LT(std::chrono::steady_clock::now() - left_at, milliseconds(200));
    EXPECT_EQ(server.thread.call([&] { return server.server->open_connections(); }), 0);
    WebSocketPeer late = server.held.get();
    server.thread.call([&] {
      late.send_text("nobody there");
      late.close();
    });
  }
}

TEST(WebSocketServer, ASlowReaderIsCut) {
  ServerOptions options;
  options.write_buffer_bytes = 256 * 1024;
  Server server(options);
  RawPeer peer = server.connect("/hold", 4096);
  WebSocketPeer held = server.held.get();
  for (int i = 0; i < 4096 && !server.closed.wait(milliseconds(0)); ++i) {
    server.thread.call([&] { held.send_text(std::string(16 * 1024, 'x')); });
  }
  EXPECT_TRUE(server.closed.get());
}

TEST(WebSocketServer, RefusesWhatIsNoUpgrade) {
  Server server;
  RawPeer other = RawPeer::connect(server.server->port());
  other.send(upgrade_request("/other") + "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(other.receive_all(), StartsWith("HTTP/1.1 400 "))
      << "nothing may follow an upgrade before its answer";
  RawPeer absent = RawPeer::connect(server.server->port());
  absent.send(upgrade_request("/other"));
  EXPECT_THAT(absent.receive_until("path\"}}"), StartsWith("HTTP/1.1 404 "));
  absent.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(absent.receive_until("plain"), StartsWith("HTTP/1.1 200 ")) << "the connection goes on as HTTP";
  RawPeer keyless = RawPeer::connect(server.server->port());
  keyless.send(
      "GET /hold HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
      "13\r\n\r\n");
  EXPECT_THAT(keyless.receive_all(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(server.closed.get());
  RawPeer other_protocol = RawPeer::connect(server.server->port());
  other_protocol.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  EXPECT_THAT(other_protocol.receive_until("plain"), StartsWith("HTTP/1.1 200 "));
}

TEST(WebSocketServer, IsEndedByItsServer) {
  auto server = std::make_unique<Server>();
  RawPeer peer = server->connect("/hold");
  server->held.get();
  server->thread.call([&] { server->server.reset(); });
  EXPECT_EQ(peer.receive_all(), "");
  EXPECT_FALSE(server->closed.wait(milliseconds(1))) << "nobody is told";
}

TEST(WebSocketServer, TalksWithOurClient) {
  struct Talk final : WebSocketObserver {
    void on_open() override { client->send_text(std::string(100'000, 'a')); }
    void on_message(std::string_view payload, bool, base::TimePoint) override {
      sizes.push_back(payload.size());
      if (sizes.size() == 2) client->send_text("bye");
    }
    void on_end(Ending e, const std::string&, base::TimePoint) override { ending.set(e); }
    std::unique_ptr<WebSocketClient> client;
    std::vector<std::size_t> sizes;
    Awaited<Ending> ending;
  };
  Server server;
  LoopThread thread;
  const auto talk = std::make_shared<Talk>();
  thread.call([&] {
    talk->client = std::make_unique<WebSocketClient>(thread.loop, loopback(server.server->port(), "ws"),
                                                     "/echo", Headers{}, talk);
  });
  EXPECT_EQ(talk->ending.get(), Ending::Complete);
  EXPECT_EQ(talk->sizes, (std::vector<std::size_t>{6, 100'000, 8}));
  EXPECT_TRUE(server.closed.get());
  thread.call([&] { talk->client.reset(); });
}

}  // namespace
}  // namespace moestress::net

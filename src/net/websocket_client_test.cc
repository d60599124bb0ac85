#include "net/websocket_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/net_testing.h"
#include "net/websocket_testing.h"

namespace moestress::net {
namespace {

using record::Ending;
using std::chrono::milliseconds;
using testing::HasSubstr;

class WebSocketRecorder final : public WebSocketObserver {
 public:
  void on_open() override {
    if (when_open) when_open();
  }
  void on_sent(base::TimePoint at) override { sent.push_back(at); }
  void on_message(std::string_view payload, bool text, base::TimePoint at) override {
    messages.emplace_back(payload);
    texts.push_back(text);
    times.push_back(at);
    if (when_message) when_message();
  }
  void on_end(Ending e, const std::string& d, base::TimePoint at) override {
    ++ends;
    detail = d;
    ended_at = at;
    ending.set(e);
  }

  std::function<void()> when_open;
  std::function<void()> when_message;
  std::vector<base::TimePoint> sent;
  std::vector<std::string> messages;
  std::vector<bool> texts;
  std::vector<base::TimePoint> times;
  int ends = 0;
  std::string detail;
  base::TimePoint ended_at{};
  Awaited<Ending> ending;
};

void greet(WebSocketClient& open) { open.send_text("hi"); }

/// A client and its recorder; once it is open it sends "hi", or does what the test wants.
class Client {
 public:
  explicit Client(std::uint16_t port, Timeouts timeouts = {}, ClientLimits limits = {}, Headers headers = {},
                  std::function<void(WebSocketClient&)> when_open = greet,
                  std::function<void()> when_message = {}) {
    recorder->when_open = [this, when_open] { when_open(*client); };
    recorder->when_message = std::move(when_message);
    thread.call([&] {
      client = std::make_unique<WebSocketClient>(thread.loop, loopback(port, "ws"), "/ws?a b", headers,
                                                 recorder, timeouts, limits);
    });
  }
  ~Client() {
    thread.call([this] { client.reset(); });
  }
  Ending ending() { return recorder->ending.get(); }

  std::shared_ptr<WebSocketRecorder> recorder = std::make_shared<WebSocketRecorder>();
  LoopThread thread;
  std::unique_ptr<WebSocketClient> client;
};

/// A server that accepts the upgrade, waits for the first frame, then plays `then`.
RawServer accepting(std::function<void(RawPeer&)> then) {
  return RawServer([then = std::move(then)](RawPeer peer, int) {
    peer.send(upgrade_response(peer.receive_until("\r\n\r\n")));
    peer.receive();
    then(peer);
  });
}

TEST(WebSocketClient, ShakesHandsSendsAndReceivesFragments) {
  Awaited<std::string> request;
  Awaited<std::string> pong;
  RawServer server([&](RawPeer peer, int) {
    const std::string head = peer.receive_until("\r\n\r\n");
    request.set(head);
    peer.send(upgrade_response(head));
    EXPECT_EQ(peer.receive().size(), 2u + 4u + 2u) << "a masked frame with \"hi\"";
    peer.send(frame(kText, "one ", false, false) + frame(kPing, "p", false) +
              frame(kContinuation, "two", false));
    pong.set(peer.receive());
    std::this_thread::sleep_for(milliseconds(30));
    peer.send(frame(kBinary, "three", false));
    peer.send(frame(kClose, close_payload(1000), false));
    peer.receive_all();
  });
  Client client(server.port(), {}, {}, {{"Authorization", "Bearer x\r\nBad: y"}});
  EXPECT_EQ(client.ending(), Ending::Complete) << client.recorder->detail;
  EXPECT_THAT(request.get(), testing::StartsWith("GET /ws?a%20b HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(request.get(), HasSubstr("Authorization: Bearer x  Bad: y\r\n"));
  EXPECT_THAT(request.get(), HasSubstr("User-Agent: moestress\r\n"));
  EXPECT_EQ(pong.get().size(), 2u + 4u + 1u);
  const WebSocketRecorder& got = *client.recorder;
  EXPECT_EQ(got.messages, (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(got.texts, (std::vector<bool>{true, false}));
  ASSERT_EQ(got.sent.size(), 1u);
  EXPECT_LE(got.sent[0], got.times[0]);
  EXPECT_GE(got.times[1] - got.times[0], milliseconds(20));
  EXPECT_EQ(got.ends, 1);
}

TEST(WebSocketClient, MessagesOfOneReadHaveItsTime) {
  const RawServer server = accepting([](RawPeer& peer) {
    peer.send(frame(kText, "a", false) + frame(kText, "b", false));
    peer.receive();
  });
  Awaited<bool> both;
  Client client(server.port(), {}, {}, {}, greet, [&] {
    if (client.recorder->messages.size() == 2) both.set(true);
  });
  ASSERT_TRUE(both.get());
  EXPECT_EQ(client.recorder->times[0], client.recorder->times[1]);
}

// How the server's side may go wrong, and the ending each must have.
struct Wrong {
  const char* name;
  /// What is sent in place of the response to the upgrade; empty: a good one.
  std::string handshake;
  /// What follows the first message of the client.
  std::string frames;
  bool reset;
  Ending ending;
  const char* detail;
};

class WebSocketClientEnds : public testing::TestWithParam<Wrong> {};

TEST_P(WebSocketClientEnds, AsItMust) {
  const Wrong& wrong = GetParam();
  RawServer server([&](RawPeer peer, int) {
    const std::string request = peer.receive_until("\r\n\r\n");
    if (wrong.handshake == "nothing") return;
    peer.send(wrong.handshake.empty() ? upgrade_response(request) : wrong.handshake);
    if (!wrong.handshake.empty()) return;
    peer.receive();
    peer.send(wrong.frames);
    if (wrong.reset) {
      peer.reset();
    } else if (wrong.ending != Ending::TruncatedStream) {
      peer.receive();
    }
  });
  ClientLimits limits;
  limits.body_bytes = 1000;
  Client client(server.port(), {}, limits);
  EXPECT_EQ(record::to_string(client.ending()), std::string(record::to_string(wrong.ending)))
      << client.recorder->detail;
  EXPECT_THAT(client.recorder->detail, HasSubstr(wrong.detail));
  EXPECT_EQ(client.recorder->ends, 1);
}

const std::string kRefusal = " X\r\nContent-Length: 2\r\n\r\nno";

INSTANTIATE_TEST_SUITE_P(
    All, WebSocketClientEnds,
    testing::Values(
        Wrong{"ClosedAtOnce", "nothing", "", false, Ending::Reset, "before any byte"},
        Wrong{"ClosedInHandshake", "HTTP/1.1 101 Sw", "", false, Ending::TruncatedStream,
              "inside the answer"},
        Wrong{"NotHttp", "hello there\r\n\r\n", "", false, Ending::MalformedResponse, "handshake"},
        Wrong{"NotFound", "HTTP/1.1 404" + kRefusal, "", false, Ending::Http4xx, "404"},
        Wrong{"Unavailable", "HTTP/1.1 503" + kRefusal, "", false, Ending::Http5xx, "503"},
        Wrong{"JustOk", "HTTP/1.1 200" + kRefusal, "", false, Ending::MalformedResponse, "200"},
        Wrong{"WrongKey",
              "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
              "eHh4\r\n\r\n",
              "", false, Ending::MalformedResponse, "handshake"},
        Wrong{"EndlessHandshake", "HTTP/1.1 101 X\r\nX: " + std::string(100'000, 'x'), "", false,
              Ending::TooLarge, "limit"},
        Wrong{"CleanClose", "", frame(kClose, close_payload(1000), false), false, Ending::Complete, ""},
        Wrong{"CloseWithoutCode", "", frame(kClose, "", false), false, Ending::Complete, ""},
        Wrong{"GoingAway", "", frame(kClose, close_payload(1001), false), false, Ending::Complete, ""},
        Wrong{"CloseWithError", "", frame(kClose, close_payload(1011, "out of memory"), false), false,
              Ending::ServerError, "1011: out of memory"},
        Wrong{"EndWithoutClose", "", frame(kText, "x", false), false, Ending::TruncatedStream,
              "without a close frame"},
        Wrong{"EndInFrame", "", frame(kText, "hello", false).substr(0, 4), false, Ending::TruncatedStream,
              ""},
        Wrong{"Reset", "", "", true, Ending::Reset, ""},
        Wrong{"MaskedFrame", "", frame(kText, "x", true), false, Ending::MalformedResponse, "WebSocket"},
        Wrong{"ReservedOpcode", "", frame(3, "x", false), false, Ending::MalformedResponse, ""},
        Wrong{"LoneContinuation", "", frame(kContinuation, "x", false), false, Ending::MalformedResponse, ""},
        Wrong{"NotUtf8", "", frame(kText, "\xC0\xAF", false), false, Ending::MalformedResponse, ""},
        Wrong{"TooLarge", "", frame(kText, std::string(1001, 'x'), false), false, Ending::TooLarge, "limit"},
        Wrong{"TooLargeInPieces", "",
              frame(kText, std::string(600, 'x'), false, false) +
                  frame(kContinuation, std::string(600, 'x'), false),
              false, Ending::TooLarge, "limit"}),
    [](const auto& info) { return info.param.name; });

TEST(WebSocketClient, EachTimeoutIsItsOwnEnding) {
  RawServer server([](RawPeer peer, int number) {
    const std::string request = peer.receive_until("\r\n\r\n");
    if (number > 0) peer.send(upgrade_response(request));
    if (number > 0) peer.receive();
    if (number == 2) peer.send(frame(kText, "x", false));
    while (number == 3 && peer.send(frame(kText, "x", false))) std::this_thread::sleep_for(milliseconds(20));
    peer.receive();
  });
  Timeouts timeouts;
  timeouts.first_byte = milliseconds(150);
  timeouts.idle = milliseconds(100);
  timeouts.total = milliseconds(500);
  const auto run = [&] {
    Client client(server.port(), timeouts);
    client.ending();
    return client.recorder;
  };
  const auto no_answer = run();
  EXPECT_EQ(no_answer->ending.get(), Ending::FirstByteTimeout);
  EXPECT_THAT(no_answer->detail, HasSubstr("upgrade"));
  const auto no_message = run();
  EXPECT_EQ(no_message->ending.get(), Ending::FirstByteTimeout);
  EXPECT_GE(no_message->ended_at - no_message->sent.at(0), milliseconds(150));
  const auto silent = run();
  EXPECT_EQ(silent->ending.get(), Ending::IdleTimeout);
  EXPECT_GE(silent->ended_at - silent->times.at(0), milliseconds(100));
  EXPECT_EQ(run()->ending.get(), Ending::TotalTimeout);
}

TEST(WebSocketClient, RefusedIsItsOwnEnding) {
  std::uint16_t port = 0;
  {
    port = RawServer([](RawPeer, int) {}).port();
  }
  Client client(port);
  EXPECT_EQ(client.ending(), Ending::Refused);
}

TEST(WebSocketClient, CloseSendsWhatIsQueuedAndWaitsForTheAnswer) {
  const std::size_t all = frame(kText, "hi", true).size() + frame(kText, "x", true).size() + 8;
  Awaited<std::string> seen;
  RawServer server([&](RawPeer peer, int) {
    peer.send(upgrade_response(peer.receive_until("\r\n\r\n")));
    std::string frames;
    while (frames.size() < all && !peer.ended()) frames += peer.receive();
    peer.send(frame(kClose, close_payload(1000), false));
    seen.set(frames + peer.receive_all());
  });
  Client client(server.port(), {}, {}, {}, [](WebSocketClient& open) {
    open.send_text("hi");
    open.send_text("x");
    open.close();
    open.send_text("too late");
  });
  EXPECT_EQ(client.ending(), Ending::Complete) << client.recorder->detail;
  const std::string frames = seen.get();
  ASSERT_EQ(frames.size(), all);
  EXPECT_EQ(frames[0], '\x81');
  EXPECT_EQ(frames[8], '\x81');
  EXPECT_EQ(frames[15], '\x88');
}

TEST(WebSocketClient, ACloseThatIsNotAnsweredEnds) {
  const RawServer server = accepting([](RawPeer& peer) {
    while (!peer.ended()) peer.receive();
  });
  Timeouts timeouts;
  timeouts.connect = milliseconds(100);
  Client client(server.port(), timeouts, {}, {}, [](WebSocketClient& open) {
    open.send_text("x");
    open.close();
  });
  EXPECT_EQ(client.ending(), Ending::IdleTimeout);
}

TEST(WebSocketClient, CloseBeforeItIsOpenIsCancelled) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.receive();
  });
  Client client(server.port());
  client.thread.call([&] {
    client.client->close();
    client.client->close();
    EXPECT_EQ(client.recorder->ends, 0);
  });
  EXPECT_EQ(client.ending(), Ending::Cancelled);
  EXPECT_EQ(client.recorder->ends, 1);
}

TEST(WebSocketClient, DestroyingItFromACallbackIsTaken) {
  Awaited<bool> gone;
  const RawServer server = accepting([&](RawPeer& peer) {
    peer.send(frame(kText, "a", false) + frame(kText, "b", false));
    peer.receive();
    gone.set(peer.ended());
  });
  Client client(server.port(), {}, {}, {}, greet, [&] { client.client.reset(); });
  EXPECT_TRUE(gone.get());
  client.thread.call([] {});
  EXPECT_EQ(client.recorder->messages, std::vector<std::string>{"a"});
  EXPECT_EQ(client.recorder->ends, 0);
}

}  // namespace
}  // namespace moestress::net

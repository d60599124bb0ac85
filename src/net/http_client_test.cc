#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/net_testing.h"

namespace moestress::net {
namespace {

using record::Ending;
using std::chrono::milliseconds;
using testing::HasSubstr;

const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A client on a loop thread, towards a port.
class Client {
 public:
  explicit Client(std::uint16_t port, Timeouts timeouts = {}, ClientLimits limits = {})
      : client(thread.call(
            [&] { return std::make_unique<HttpClient>(thread.loop, loopback(port), timeouts, limits); })) {}
  ~Client() {
    thread.call([this] { client.reset(); });
  }

  std::uint64_t start(const std::shared_ptr<Recorder>& recorder, HttpRequest request = {}) {
    return thread.call([&] { return client->start(std::move(request), recorder); });
  }
  /// Starts an exchange and waits for its end.
  std::shared_ptr<Recorder> run(HttpRequest request = {}) {
    auto recorder = std::make_shared<Recorder>();
    start(recorder, std::move(request));
    recorder->ending.get();
    return recorder;
  }

  LoopThread thread;
  std::unique_ptr<HttpClient> client;
};

HttpRequest post_of(std::size_t bytes) {
  HttpRequest request;
  request.method = "POST";
  request.body = std::string(bytes, 'x');
  return request;
}

/// A server that answers each connection's first request with `bytes`, then does `then`.
RawServer answering(std::string bytes, std::function<void(RawPeer&)> then = {}) {
  return RawServer([bytes = std::move(bytes), then = std::move(then)](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send(bytes);
    if (then) then(peer);
  });
}

TEST(HttpClient, SendsAWholeRequestAndGivesTheResponse) {
  Awaited<std::string> seen;
  RawServer server([&](RawPeer peer, int) {
    std::string request = peer.receive_until("\r\n\r\n");
    seen.set(request + peer.receive_until("}"));
    peer.send("HTTP/1.1 201 Created\r\nX-Thing: a b\r\nContent-Length: 5\r\n\r\nhello");
    peer.receive();
  });
  Client client(server.port());
  const auto before = client.thread.loop.now();
  const auto got = client.run({"POST", "/v1/x?y=1", {{"Content-Type", "application/json"}}, "{\"a\":1}"});
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(seen.get(),
            "POST /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:" + port +
                "\r\nUser-Agent: moestress\r\nContent-Length: 7\r\nContent-Type: application/json\r\n\r\n"
                "{\"a\":1}");
  EXPECT_EQ(got->ending.get(), Ending::Complete);
  EXPECT_EQ(got->status, 201);
  EXPECT_EQ(got->headers, (Headers{{"X-Thing", "a b"}, {"Content-Length", "5"}}));
  EXPECT_EQ(got->body, "hello");
  ASSERT_EQ(got->sent.size(), 1u);
  ASSERT_EQ(got->first_byte.size(), 1u);
  EXPECT_LE(before, got->sent[0]);
  EXPECT_LE(got->sent[0], got->first_byte[0]);
  EXPECT_LE(got->first_byte[0], got->ended_at);
  EXPECT_EQ(got->ends, 1);
}

TEST(HttpClient, GivesEachPieceAsItArrivesWithItsTime) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char* chunk : {"3\r\none\r\n", "3\r\ntwo\r\n", "5\r\nthree\r\n"}) {
      std::this_thread::sleep_for(milliseconds(30));
      peer.send(chunk);
    }
    peer.send("0\r\nTrailer: x\r\n\r\n");
    peer.receive();
  });
  Client client(server.port());
  const auto got = client.run();
  EXPECT_EQ(got->ending.get(), Ending::Complete);
  EXPECT_EQ(got->pieces, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_GE(got->piece_times[1] - got->piece_times[0], milliseconds(20));
  EXPECT_GE(got->piece_times[2] - got->piece_times[1], milliseconds(20));
  EXPECT_EQ(got->headers.size(), 1u) << "a trailer is no header";
}

TEST(HttpClient, AChunkSplitAnywhereIsTheSameBody) {
  const std::string response =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: "
      "y\r\n\r\n3;ext=1\r\none\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
  RawServer server([&](RawPeer peer, int) {
    for (std::size_t split = 1; split < response.size(); ++split) {
      peer.receive_until("\r\n\r\n");
      peer.send(std::string_view(response).substr(0, split));
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      peer.send(std::string_view(response).substr(split));
    }
    peer.receive();
  });
  Client client(server.port());
  for (std::size_t split = 1; split < response.size(); ++split) {
    const auto got = client.run();
    ASSERT_EQ(got->ending.get(), Ending::Complete) << split << ": " << got->detail;
    ASSERT_EQ(got->body, "one0123456789abcdef") << split;
  }
  EXPECT_EQ(server.connections(), 1) << "one connection is reused throughout";
}

TEST(HttpClient, AnEmptyChunkedBodyByteByByte) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send(kChunked);
    for (const char byte : std::string_view("0\r\n\r\n")) {
      std::this_thread::sleep_for(milliseconds(2));
      peer.send({&byte, 1});
    }
    peer.receive();
  });
  Client client(server.port());
  EXPECT_EQ(client.run()->ending.get(), Ending::Complete);
}

TEST(HttpClient, ABodyThatEndsByCloseIsComplete) {
  const RawServer server = answering("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  Client client(server.port());
  const auto got = client.run();
  EXPECT_EQ(got->ending.get(), Ending::Complete);
  EXPECT_EQ(got->body, "until the end");
}

TEST(HttpClient, HeadAndNoContentHaveNoBody) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    peer.receive();
  });
  Client client(server.port());
  HttpRequest head;
  head.method = "HEAD";
  EXPECT_EQ(client.run(head)->ending.get(), Ending::Complete);
  const auto got = client.run();
  EXPECT_EQ(got->status, 204);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, InterimResponsesArePassedOver) {
  const RawServer server = answering(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + std::string(kHello));
  Client client(server.port());
  const auto got = client.run();
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "hello");
}

TEST(HttpClient, RefusedIsItsOwnEnding) {
  std::uint16_t port = 0;
  {
    port = RawServer([](RawPeer, int) {}).port();
  }
  Client client(port);
  const auto got = client.run();
  EXPECT_EQ(got->ending.get(), Ending::Refused);
  EXPECT_THAT(got->detail, HasSubstr(std::to_string(port)));
  EXPECT_TRUE(got->sent.empty());
}

TEST(HttpClient, AnUnknownHostIsRefusedWithItsName) {
  LoopThread thread;
  const auto recorder = std::make_shared<Recorder>();
  auto client = thread.call([&] {
    return std::make_unique<HttpClient>(thread.loop, Url{"http", "no-such-host.invalid", 80, ""});
  });
  thread.call([&] { client->start({}, recorder); });
  EXPECT_EQ(recorder->ending.get(), Ending::Refused);
  EXPECT_THAT(recorder->detail, HasSubstr("no-such-host.invalid"));
  thread.call([&] { client.reset(); });
}

TEST(HttpClient, AHostNameIsLookedUp) {
  const RawServer server = answering(std::string(kHello));
  LoopThread thread;
  const auto recorder = std::make_shared<Recorder>();
  auto client = thread.call([&] {
    return std::make_unique<HttpClient>(thread.loop, Url{"http", "localhost", server.port(), ""});
  });
  thread.call([&] { client->start({}, recorder); });
  EXPECT_EQ(recorder->ending.get(), Ending::Complete) << recorder->detail;
  thread.call([&] { client.reset(); });
}

// A server that closes before answering and one that resets are both Reset; after the first byte an orderly
// end is TruncatedStream and a reset stays Reset.
struct Break {
  const char* name;
  std::string sent;
  bool reset;
  Ending ending;
};

class HttpClientBreaks : public testing::TestWithParam<Break> {};

TEST_P(HttpClientBreaks, HasItsEnding) {
  const Break& broken = GetParam();
  RawServer server([&](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send(broken.sent);
    if (!broken.reset) return;
    if (!broken.sent.empty())
      std::this_thread::sleep_for(milliseconds(50));  // let the bytes be read before the RST
    peer.reset();
  });
  Client client(server.port());
  const auto got = client.run();
  EXPECT_EQ(record::to_string(got->ending.get()), std::string(record::to_string(broken.ending)))
      << got->detail;
  EXPECT_EQ(got->ends, 1);
  EXPECT_FALSE(got->detail.empty());
  EXPECT_EQ(server.connections(), 1) << "a fresh connection is not tried again";
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpClientBreaks,
    testing::Values(
        Break{"ClosedAtOnce", "", false, Ending::Reset}, Break{"ResetAtOnce", "", true, Ending::Reset},
        Break{"ClosedInHead", "HTTP/1.1 200 OK\r\nContent-", false, Ending::TruncatedStream},
        Break{"ResetInHead", "HTTP/1.1 200 OK\r\nContent-", true, Ending::Reset},
        Break{"ClosedInLength", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false,
              Ending::TruncatedStream},
        Break{"ResetInLength", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", true, Ending::Reset},
        Break{"ClosedInChunk", kChunked + "5\r\nhel", false, Ending::TruncatedStream},
        Break{"ClosedBetweenChunks", kChunked + "5\r\nhello\r\n", false, Ending::TruncatedStream},
        Break{"ClosedInLastChunk", kChunked + "5\r\nhello\r\n0\r\n", false, Ending::TruncatedStream},
        Break{"ResetInChunk", kChunked + "5\r\nhel", true, Ending::Reset},
        Break{"ClosedAfterContinue", "HTTP/1.1 100 Continue\r\n\r\n", false, Ending::TruncatedStream},
        Break{"ResetUntilClose", "HTTP/1.1 200 OK\r\n\r\nhel", true, Ending::Reset},
        Break{"NotHttp", "SSH-2.0-OpenSSH_9.2\r\n", false, Ending::MalformedResponse},
        Break{"BadStatus", "HTTP/1.1 2x0 OK\r\n\r\n", false, Ending::MalformedResponse},
        Break{"BadHeader", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false, Ending::MalformedResponse},
        Break{"BadChunkSize", kChunked + "zz\r\n", false, Ending::MalformedResponse},
        Break{"MissingChunkEnd", kChunked + "2\r\nhello\r\n0\r\n\r\n", false, Ending::MalformedResponse},
        Break{"TwoLengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", false,
              Ending::MalformedResponse},
        Break{"UnaskedUpgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false,
              Ending::MalformedResponse}),
    [](const auto& info) { return info.param.name; });

TEST(HttpClient, EachTimeoutIsItsOwnEnding) {
  RawServer server([](RawPeer peer, int number) {
    peer.receive_until("\r\n\r\n");
    if (number == 1) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
    while (number == 2 && peer.send("HTTP/1.1 100 Continue\r\n\r\n"))
      std::this_thread::sleep_for(milliseconds(20));
    peer.receive();
  });
  Timeouts timeouts;
  timeouts.first_byte = milliseconds(120);
  timeouts.idle = milliseconds(150);
  timeouts.total = milliseconds(600);
  Client client(server.port(), timeouts);
  const auto first = client.run();
  EXPECT_EQ(first->ending.get(), Ending::FirstByteTimeout);
  EXPECT_GE(first->ended_at - first->sent.at(0), milliseconds(120));
  const auto idle = client.run();
  EXPECT_EQ(idle->ending.get(), Ending::IdleTimeout);
  EXPECT_GE(idle->ended_at - idle->piece_times.at(0), milliseconds(150));
  const auto total = client.run();
  EXPECT_EQ(total->ending.get(), Ending::TotalTimeout);
  EXPECT_GE(total->ended_at - total->sent.at(0), milliseconds(500));
}

TEST(HttpClient, WhatIsInFlightIsWaitedForAsLongAsItTakesToRead) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.receive();
  });
  Timeouts timeouts;
  timeouts.first_byte = milliseconds(50);
  timeouts.per_request_byte = milliseconds(2);
  Client client(server.port(), timeouts);
  const HttpRequest request = post_of(100);
  const auto first = std::make_shared<Recorder>(), second = std::make_shared<Recorder>();
  client.start(first, request);
  client.start(second, request);
  EXPECT_EQ(first->ending.get(), Ending::FirstByteTimeout);
  EXPECT_GE(first->ended_at - first->sent.at(0), milliseconds(250));
  EXPECT_EQ(second->ending.get(), Ending::FirstByteTimeout);
  EXPECT_GE(second->ended_at - second->sent.at(0), milliseconds(450)) << "two are in flight";
  const auto third = client.run(request);
  EXPECT_LT(third->ended_at - third->sent.at(0), milliseconds(450)) << "the others have ended";
}

TEST(HttpClient, AResponseThatHasBegunMayStillBeReadingThePrompt) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send(kChunked);
    std::this_thread::sleep_for(milliseconds(150));
    peer.send("5\r\nhello\r\n");
    peer.receive();
  });
  Timeouts timeouts;
  timeouts.idle = milliseconds(80);
  timeouts.per_request_byte = milliseconds(2);
  Client client(server.port(), timeouts);
  const HttpRequest request = post_of(100);
  const auto exchange = client.run(request);
  EXPECT_EQ(exchange->ending.get(), Ending::IdleTimeout);
  ASSERT_EQ(exchange->piece_times.size(), 1u);
  EXPECT_LT(exchange->ended_at - exchange->piece_times[0], milliseconds(200))
      << "after the first text: idle alone";
}

TEST(HttpClient, AConnectThatIsNotAnsweredTimesOut) {
  // A listener whose queue is full leaves further connects unanswered.
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  const RawPeer filler = RawPeer::connect(ntohs(at.sin_port));
  Timeouts timeouts;
  timeouts.connect = milliseconds(200);
  Client client(ntohs(at.sin_port), timeouts);
  const auto got = client.run();
  EXPECT_EQ(got->ending.get(), Ending::ConnectTimeout) << got->detail;
  EXPECT_TRUE(got->sent.empty());
  ::close(listener);
}

TEST(HttpClient, PassingACapIsTooLarge) {
  ClientLimits limits;
  limits.header_bytes = 1000;
  limits.body_bytes = 100;
  const std::string long_body(101, 'x');
  for (const std::string& response :
       {"HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'y') + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + long_body, "HTTP/1.1 200 OK\r\n\r\n" + long_body,
        kChunked + "60\r\n" + std::string(0x60, 'x') + "\r\n60\r\n" + std::string(0x60, 'x') +
            "\r\n0\r\n\r\n",
        kChunked + "5;" + std::string(200'000, 'e')}) {
    const RawServer server = answering(response, [](RawPeer& peer) { peer.receive(); });
    Client client(server.port(), {}, limits);
    const auto got = client.run();
    EXPECT_EQ(got->ending.get(), Ending::TooLarge) << response.substr(0, 60) << ": " << got->detail;
    EXPECT_LE(got->body.size(), 100u);
  }
}

TEST(HttpClient, ABodyAtTheCapIsComplete) {
  ClientLimits limits;
  limits.body_bytes = 5;
  const RawServer server = answering(std::string(kHello));
  Client client(server.port(), {}, limits);
  EXPECT_EQ(client.run()->ending.get(), Ending::Complete);
}

TEST(HttpClient, HangingUpFromTheBodyCancelsAndCloses) {
  Awaited<bool> gone;
  RawServer server([&](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send(kChunked + "5\r\nhello\r\n");
    peer.receive();
    gone.set(peer.ended());
  });
  Client client(server.port());
  const auto recorder = std::make_shared<Recorder>();
  recorder->hang_up = true;
  client.start(recorder);
  EXPECT_EQ(recorder->ending.get(), Ending::Cancelled);
  EXPECT_EQ(recorder->body, "hello");
  EXPECT_TRUE(gone.get());
}

TEST(HttpClient, CancelEndsTheExchangeOnce) {
  Awaited<bool> gone;
  RawServer server([&](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.receive();
    gone.set(peer.ended());
  });
  Client client(server.port());
  const auto recorder = std::make_shared<Recorder>();
  const std::uint64_t id = client.start(recorder);
  client.thread.call([&] {
    client.client->cancel(id);
    EXPECT_EQ(recorder->ends, 0) << "not from within cancel";
    client.client->cancel(id);
    client.client->cancel(id + 1);
  });
  EXPECT_EQ(recorder->ending.get(), Ending::Cancelled);
  client.thread.call([&] { client.client->cancel(id); });
  client.thread.call([] {});
  EXPECT_EQ(recorder->ends, 1);
}

TEST(HttpClient, CancelFromWithinACallbackIsTaken) {
  RawServer server([&](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send(kChunked + "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    peer.receive();
  });
  Client client(server.port());
  const auto recorder = std::make_shared<Recorder>();
  client.thread.call([&] {
    auto id = std::make_shared<std::uint64_t>();
    recorder->on_piece = [&, id](Recorder&) { client.client->cancel(*id); };
    *id = client.client->start({}, recorder);
  });
  EXPECT_EQ(recorder->ending.get(), Ending::Cancelled);
  EXPECT_EQ(recorder->body, "one") << "nothing follows a cancel";
  EXPECT_EQ(recorder->ends, 1);
}

TEST(HttpClient, DestroyingItCallsNobody) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.receive();
  });
  const auto recorder = std::make_shared<Recorder>();
  LoopThread thread;
  auto client =
      thread.call([&] { return std::make_unique<HttpClient>(thread.loop, loopback(server.port())); });
  thread.call([&] {
    const auto id = client->start({}, recorder);
    client->start({}, recorder);
    client->cancel(id);
    client.reset();
  });
  for (int i = 0; i < 10; ++i) thread.call([] {});
  EXPECT_EQ(recorder->ends, 0);
}

TEST(HttpClient, AStaleConnectionIsReplacedOnce) {
  std::atomic<int> requests{0};
  RawServer server([&](RawPeer peer, int number) {
    peer.receive_until("\r\n\r\n");
    ++requests;
    peer.send(kHello);
    if (number > 0) return;
    peer.receive_until("\r\n\r\n");  // the second request is taken, and never answered
    ++requests;
  });
  Client client(server.port());
  EXPECT_EQ(client.run()->ending.get(), Ending::Complete);
  const auto second = client.run();
  EXPECT_EQ(second->ending.get(), Ending::Complete);
  EXPECT_EQ(second->body, "hello");
  EXPECT_EQ(second->sent.size(), 2u);
  EXPECT_EQ(second->ends, 1);
  EXPECT_EQ(requests, 3);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, AConnectionThatBreaksTwiceIsReset) {
  RawServer server([&](RawPeer peer, int number) {
    peer.receive_until("\r\n\r\n");
    if (number > 0) return;
    peer.send(kHello);
    peer.receive_until("\r\n\r\n");
  });
  Client client(server.port());
  EXPECT_EQ(client.run()->ending.get(), Ending::Complete);
  EXPECT_EQ(client.run()->ending.get(), Ending::Reset);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, AfterAByteOfTheResponseNothingIsRetried) {
  RawServer server([&](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send(kHello);
    peer.receive_until("\r\n\r\n");
    peer.send("H");
  });
  Client client(server.port());
  EXPECT_EQ(client.run()->ending.get(), Ending::Complete);
  EXPECT_EQ(client.run()->ending.get(), Ending::TruncatedStream);
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, ConnectionCloseIsNotReused) {
  const RawServer server = answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  Client client(server.port());
  EXPECT_EQ(client.run()->ending.get(), Ending::Complete);
  EXPECT_EQ(client.run()->ending.get(), Ending::Complete);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, AnEarlyAnswerToALargeRequestCounts) {
  RawServer server([](RawPeer peer, int) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    peer.half_close();
    std::this_thread::sleep_for(milliseconds(100));
  });
  Client client(server.port());
  const auto got = client.run({"POST", "/", {}, std::string(32 << 20, 'x')});
  EXPECT_EQ(got->ending.get(), Ending::Complete);
  EXPECT_EQ(got->status, 413);
  EXPECT_EQ(got->body, "big");
}

TEST(HttpClient, AnObserverMayStartTheNextFromOnEnd) {
  RawServer server([](RawPeer peer, int) {
    while (!peer.receive_until("\r\n\r\n").empty()) peer.send(kHello);
  });
  class Chain final : public ResponseObserver {
   public:
    Chain(std::unique_ptr<HttpClient>& client, int left, Awaited<int>& done)
        : client_(client), left_(left), done_(done) {}
    void on_headers(int, const Headers&) override {}
    bool on_body(std::string_view, base::TimePoint) override { return true; }
    void on_end(Ending ending, const std::string&, base::TimePoint) override {
      if (ending != Ending::Complete || left_ == 0) {
        client_.reset();  // the last one even destroys the client
        done_.set(left_);
        return;
      }
      client_->start({}, std::make_shared<Chain>(client_, left_ - 1, done_));
    }

   private:
    std::unique_ptr<HttpClient>& client_;
    int left_;
    Awaited<int>& done_;
  };
  Client client(server.port());
  Awaited<int> done;
  client.thread.call([&] { client.client->start({}, std::make_shared<Chain>(client.client, 50, done)); });
  EXPECT_EQ(done.get(), 0);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Fetch, GivesTheResponseOrTheKindOfFailure) {
  const RawServer server = answering("HTTP/1.1 404 Not Found\r\nX: y\r\nContent-Length: 4\r\n\r\nnope");
  const auto found = fetch(loopback(server.port()), {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->status, 404);
  EXPECT_EQ(found->body, "nope");

  const RawServer broken = answering("gibberish\r\n\r\n");
  EXPECT_EQ(fetch(loopback(broken.port()), {}).error().code, base::ErrorCode::Format);
  const RawServer silent = answering("", [](RawPeer& peer) { peer.receive(); });
  Timeouts timeouts;
  timeouts.first_byte = milliseconds(100);
  EXPECT_EQ(fetch(loopback(silent.port()), {}, timeouts).error().code, base::ErrorCode::Timeout);
  ClientLimits limits;
  limits.body_bytes = 3;
  EXPECT_EQ(fetch(loopback(server.port()), {}, {}, limits).error().code, base::ErrorCode::Limit);
  const RawServer closing([](RawPeer, int) {});
  const auto closed = fetch(loopback(closing.port()), {});
  EXPECT_EQ(closed.error().code, base::ErrorCode::Unreachable);
  EXPECT_THAT(closed.error().message, HasSubstr("127.0.0.1:" + std::to_string(closing.port()) + "/"));
}

}  // namespace
}  // namespace moestress::net

#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/net_testing.h"

namespace moestress::net {
namespace {

using record::Ending;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

/// A server on a loop thread. The handlers of most tests: "/echo" answers method, target and body, "/hold"
/// keeps the responder for the test, everything else is 404.
class Server {
 public:
  explicit Server(ServerOptions options = {}, HttpServer::OnRequest handler = {}) {
    if (!handler) {
      handler = [this](const ServerRequest& request, Responder responder) {
        ++requests;
        if (request.path == "/echo") {
          responder.send(200, "text/plain",
                         request.method + " " + request.path + "?" + request.query + " " + request.body);
        } else if (request.path == "/hold") {
          responder.on_disconnect([this] { disconnected.set(std::chrono::steady_clock::now()); });
          held.set(responder);
        } else if (request.path != "/drop") {
          responder.send(404, "text/plain", "no");
        }
      };
    }
    server = thread.call([&] { return *HttpServer::listen(thread.loop, options, handler); });
  }
  ~Server() {
    thread.call([this] { server.reset(); });
  }

  RawPeer connect(int receive_buffer = 0) const { return RawPeer::connect(server->port(), receive_buffer); }
  int open() {
    return thread.call([this] { return server->open_connections(); });
  }
  /// Whether so many connections are open, soon.
  bool comes_to(int connections) {
    for (int i = 0; i < 1000; ++i) {
      if (open() == connections) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }

  std::atomic<int> requests{0};
  Awaited<Responder> held;
  Awaited<base::TimePoint> disconnected;
  LoopThread thread;
  std::unique_ptr<HttpServer> server;
};

std::string get(const std::string& target, const std::string& extra = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + extra + "\r\n";
}

std::string head_of(RawPeer& peer) { return peer.receive_until("\r\n\r\n"); }

TEST(HttpServer, AnswersWithLengthTypeAndExtraHeaders) {
  Server server({}, [](const ServerRequest& request, Responder responder) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/a/b");
    EXPECT_EQ(request.query, "q=1&r");
    EXPECT_EQ(request.body, "hello");
    ASSERT_NE(request.header("X-Mixed"), nullptr);
    EXPECT_EQ(*request.header("x-mixed"), "Some Value");
    EXPECT_EQ(request.header("absent"), nullptr);
    responder.send(201, "application/json", "{}", {{"X-Extra", "a\r\nInjected: b"}});
  });
  RawPeer peer = server.connect();
  peer.send("POST /a/b?q=1&r HTTP/1.1\r\nHost: x\r\nX-MIXED: Some Value\r\nContent-Length: 5\r\n\r\nhello");
  const std::string head = head_of(peer);
  EXPECT_THAT(head, StartsWith("HTTP/1.1 201 Created\r\nDate: "));
  EXPECT_THAT(head, HasSubstr(" GMT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Extra: a  Injected: b\r\n"));
  EXPECT_EQ(peer.receive_until("{}"), "{}");
}

TEST(HttpServer, KeepsAliveAndAnswersPipelinedRequestsInOrder) {
  Server server;
  RawPeer peer = server.connect();
  std::string requests;
  for (int i = 0; i < 300; ++i) requests += get("/echo?" + std::to_string(i));
  peer.send(requests);
  for (int i = 0; i < 300; ++i) {
    ASSERT_THAT(head_of(peer), StartsWith("HTTP/1.1 200"));
    const std::string want = "GET /echo?" + std::to_string(i) + " ";
    ASSERT_EQ(peer.receive_until(want), want);
  }
  EXPECT_EQ(server.open(), 1);
}

TEST(HttpServer, APipelinedRequestWaitsForTheAnswerBeforeIt) {
  Server server;
  RawPeer peer = server.connect();
  peer.send(get("/hold") + get("/echo"));
  Responder first = server.held.get();
  EXPECT_EQ(server.requests, 1);
  EXPECT_EQ(peer.receive(milliseconds(50)), "");
  server.thread.call([&] {
    first.send(200, "text/plain", "first");
    EXPECT_EQ(server.requests, 1) << "the next handler must not run inside this call";
  });
  EXPECT_THAT(peer.receive_until("first"), HasSubstr("first"));
  EXPECT_THAT(peer.receive_until("GET /echo? "), HasSubstr("200 OK"));
}

TEST(HttpServer, ARequestSplitAnywhereIsTheSame) {
  Server server;
  const std::string request =
      "POST /echo?x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;e=f\r\nabc\r\nA\r\n0123456789\r\n0\r\n"
      "Trailer: t\r\n\r\n";
  RawPeer peer = server.connect();
  for (std::size_t split = 1; split < request.size(); ++split) {
    peer.send(std::string_view(request).substr(0, split));
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    peer.send(std::string_view(request).substr(split));
    ASSERT_THAT(head_of(peer), StartsWith("HTTP/1.1 200")) << split;
    ASSERT_EQ(peer.receive_until("6789"), "POST /echo?x abc0123456789") << split;
  }
}

TEST(HttpServer, ExpectContinueIsAnsweredBeforeTheBody) {
  Server server;
  RawPeer peer = server.connect();
  peer.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(head_of(peer), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("body");
  EXPECT_THAT(head_of(peer), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(peer.receive_until("body"), "POST /echo? body");

  ServerOptions options;
  options.body_bytes = 10;
  Server small(options);
  RawPeer large = small.connect();
  large.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  EXPECT_THAT(head_of(large), StartsWith("HTTP/1.1 413"));
  RawPeer odd = small.connect();
  odd.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 4\r\n\r\n");
  EXPECT_THAT(head_of(odd), StartsWith("HTTP/1.1 417"));
}

TEST(HttpServer, HeadGetsTheHeadOnly) {
  Server server;
  RawPeer peer = server.connect();
  peer.send("HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n" + get("/echo"));
  const std::string head = head_of(peer);
  EXPECT_THAT(head, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_THAT(head_of(peer), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, OldClientsGetTheirAnswerAndTheClose) {
  Server server({}, [](const ServerRequest&, Responder responder) {
    responder.start_stream(200, "text/plain");
    responder.write("a");
    responder.write("b");
    responder.finish();
  });
  RawPeer peer = server.connect();
  peer.send("GET / HTTP/1.0\r\n\r\n");
  const std::string all = peer.receive_all();
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(all, testing::Not(HasSubstr("chunked")));
  EXPECT_THAT(all, testing::EndsWith("\r\n\r\nab"));
}

TEST(HttpServer, StreamsEachWriteAtOnceAsAChunk) {
  Server server;
  RawPeer peer = server.connect();
  peer.send(get("/hold"));
  Responder responder = server.held.get();
  server.thread.call([&] {
    responder.start_stream(200, "text/event-stream", {{"Cache-Control", "no-store"}});
  });
  EXPECT_THAT(head_of(peer), HasSubstr("Transfer-Encoding: chunked\r\n"));
  for (const std::string piece : {"data: one\n\n", "data: two\n\n"}) {
    server.thread.call([&] { responder.write(piece); });
    EXPECT_EQ(peer.receive(), "b\r\n" + piece + "\r\n");
  }
  server.thread.call([&] {
    responder.write("");  // must not end the stream
    EXPECT_TRUE(responder.connected());
    responder.finish();
    EXPECT_FALSE(responder.connected());
    responder.write("late");
    responder.finish();
  });
  EXPECT_EQ(peer.receive_until("0\r\n\r\n"), "0\r\n\r\n");
  peer.send(get("/echo"));
  EXPECT_THAT(head_of(peer), StartsWith("HTTP/1.1 200")) << "the connection goes on";
  EXPECT_FALSE(server.disconnected.wait(milliseconds(1)));
}

TEST(HttpServer, LargeBodiesArriveWhole) {
  const std::string body(20 << 20, 'x');
  Server server({},
                [&](const ServerRequest&, Responder responder) { responder.send(200, "text/plain", body); });
  RawPeer peer = server.connect();
  peer.send(get("/", "Connection: close\r\n"));
  EXPECT_THAT(head_of(peer), HasSubstr("Content-Length: 20971520\r\n"));
  EXPECT_TRUE(peer.receive_all() == body);
}

struct Bad {
  const char* name;
  std::string request;
  int status;
};

class HttpServerRefuses : public testing::TestWithParam<Bad> {};

TEST_P(HttpServerRefuses, WithItsStatusAndCloses) {
  ServerOptions options;
  options.header_bytes = 1000;
  options.body_bytes = 1000;
  Server server(options);
  RawPeer peer = server.connect();
  peer.send(GetParam().request);
  const std::string all = peer.receive_all();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 " + std::to_string(GetParam().status) + " "));
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(all, HasSubstr("\r\n\r\n{\"error\":{\"code\":" + std::to_string(GetParam().status)));
  EXPECT_FALSE(peer.was_reset());
  EXPECT_EQ(server.requests, 0);
  peer.close();
  EXPECT_TRUE(server.comes_to(0));
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpServerRefuses,
    testing::Values(
        Bad{"Gibberish", "\x16\x03\x01\x02\x01hello\r\n\r\n", 400}, Bad{"NoVersion", "GET /\r\n\r\n", 400},
        Bad{"OtherVersion", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400},
        Bad{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        Bad{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        Bad{"OddTarget", "GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        Bad{"SpaceInName", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        Bad{"LengthAndChunked",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400},
        Bad{"TwoLengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            400},
        Bad{"NegativeLength", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
        Bad{"HugeLength", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            400},
        Bad{"OtherCoding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
        Bad{"BadChunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
        Bad{"LargeBody",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'), 413},
        Bad{"LargeChunks",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" +
                std::string(1000, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n",
            413},
        Bad{"LargeHead", "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", 431},
        Bad{"LargeTarget", "GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
        Bad{"EndlessExtension",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;" + std::string(200'000, 'x'),
            431}),
    [](const auto& info) { return info.param.name; });

TEST(HttpServer, AnErrorAnswerReachesAClientThatIsStillSending) {
  ServerOptions options;
  options.body_bytes = 1000;
  Server server(options);
  RawPeer peer = server.connect();
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n");
  EXPECT_TRUE(peer.send(std::string(8'000'000, 'x')));
  EXPECT_THAT(peer.receive_all(), StartsWith("HTTP/1.1 413 "));
  EXPECT_FALSE(peer.was_reset());
}

TEST(HttpServer, SlowRequestsGet408AndSilentConnectionsAreClosed) {
  ServerOptions options;
  options.header_timeout = milliseconds(150);
  options.idle_timeout = milliseconds(300);
  Server server(options);
  for (const std::string start :
       {"G", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhal"}) {
    RawPeer peer = server.connect();
    const auto began = std::chrono::steady_clock::now();
    peer.send(start);
    EXPECT_THAT(peer.receive_all(), StartsWith("HTTP/1.1 408 ")) << start;
    EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(140));
  }
  // One byte now and then does not help.
  RawPeer slow = server.connect();
  const std::string request = get("/" + std::string(500, 'x'));
  std::size_t sent = 0;
  while (sent < request.size() && slow.receive(milliseconds(10)).empty() && !slow.ended()) {
    slow.send(request.substr(sent++, 1));
  }
  EXPECT_LT(sent, request.size());
  // Without a byte there is nothing to answer.
  RawPeer silent = server.connect();
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_TRUE(silent.ended());
  RawPeer kept = server.connect();
  kept.send(get("/echo"));
  head_of(kept);
  EXPECT_EQ(kept.receive_all(), "GET /echo? ");
  EXPECT_TRUE(kept.ended());
}

// What a client can do while its answer is awaited or streamed, and must be noticed at once.
struct Leaving {
  const char* name;
  void (*leave)(RawPeer&);
  bool streaming;
};

class HttpServerNotices : public testing::TestWithParam<Leaving> {};

TEST_P(HttpServerNotices, AClientThatLeaves) {
  Server server;
  RawPeer peer = server.connect();
  peer.send(get("/hold"));
  Responder responder = server.held.get();
  if (GetParam().streaming) {
    server.thread.call([&] {
      responder.start_stream(200, "text/plain");
      responder.write("x");
    });
    EXPECT_NE(peer.receive_until("x\r\n"), "");
  }
  EXPECT_TRUE(server.thread.call([&] { return responder.connected(); }));
  EXPECT_FALSE(server.disconnected.wait(milliseconds(20)));
  const auto left_at = std::chrono::steady_clock::now();
  GetParam().leave(peer);
  EXPECT_LT(server.disconnected.get() - left_at, milliseconds(100));
  EXPECT_TRUE(server.comes_to(0));
  Awaited<bool> told_late;
  server.thread.call([&] {
    EXPECT_FALSE(responder.connected());
    responder.write("y");
    responder.send(200, "", "");
    responder.finish();
    responder.on_disconnect([&] { told_late.set(true); });
  });
  EXPECT_TRUE(told_late.get()) << "who asks after the fact is told too";
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpServerNotices,
    testing::Values(Leaving{"CloseWhilePending", [](RawPeer& p) { p.close(); }, false},
                    Leaving{"ResetWhilePending", [](RawPeer& p) { p.reset(); }, false},
                    Leaving{"HalfCloseWhilePending", [](RawPeer& p) { p.half_close(); }, false},
                    Leaving{"CloseMidStream", [](RawPeer& p) { p.close(); }, true},
                    Leaving{"ResetMidStream", [](RawPeer& p) { p.reset(); }, true},
                    Leaving{"HalfCloseMidStream", [](RawPeer& p) { p.half_close(); }, true},
                    Leaving{"CloseAfterPipelining",
                            [](RawPeer& p) {
                              p.send(get("/echo"));
                              p.close();
                            },
                            true}),
    [](const auto& info) { return info.param.name; });

TEST(HttpServer, HalfARequestAndAway) {
  Server server;
  for (const std::string part :
       {"GET /echo HT", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"}) {
    RawPeer peer = server.connect();
    peer.send(part);
    EXPECT_TRUE(server.comes_to(1));
    peer.reset();
    EXPECT_TRUE(server.comes_to(0)) << part;
  }
  EXPECT_EQ(server.requests, 0);
}

TEST(HttpServer, ASlowReaderIsHungUpOn) {
  ServerOptions options;
  options.write_buffer_bytes = 256 * 1024;
  Server server(options);
  RawPeer peer = server.connect(4096);
  peer.send(get("/hold"));
  Responder responder = server.held.get();
  server.thread.call([&] { responder.start_stream(200, "text/plain"); });
  const std::string piece(16 * 1024, 'x');
  std::size_t written = 0;
  while (written < (64u << 20) && server.thread.call([&] { return responder.connected(); })) {
    server.thread.call([&] { responder.write(piece); });
    written += piece.size();
  }
  EXPECT_TRUE(server.disconnected.wait());
  EXPECT_LT(written, 64u << 20);
  EXPECT_TRUE(server.comes_to(0));
}

TEST(HttpServer, AReaderThatStopsForTooLongIsHungUpOn) {
  ServerOptions options;
  options.idle_timeout = milliseconds(200);
  Server server(options, [](const ServerRequest&, Responder responder) {
    responder.send(200, "text/plain", std::string(16 << 20, 'x'));
  });
  RawPeer peer = server.connect(4096);
  peer.send(get("/"));
  EXPECT_TRUE(server.comes_to(1));
  EXPECT_TRUE(server.comes_to(0));
}

TEST(HttpServer, AResponderThatIsDroppedAnswers500) {
  Server server;
  RawPeer peer = server.connect();
  peer.send(get("/drop"));
  EXPECT_THAT(peer.receive_all(), StartsWith("HTTP/1.1 500 "));
}

TEST(HttpServer, AbortCutsTheConnection) {
  Server server;
  RawPeer peer = server.connect();
  peer.send(get("/hold"));
  Responder responder = server.held.get();
  server.thread.call([&] {
    responder.start_stream(200, "text/plain");
    responder.abort();
  });
  peer.receive_all();
  EXPECT_TRUE(peer.was_reset());
  EXPECT_TRUE(server.comes_to(0));
  EXPECT_FALSE(server.disconnected.wait(milliseconds(1))) << "the server's own doing";
}

TEST(HttpServer, TooManyConnectionsAreTurnedAway) {
  ServerOptions options;
  options.connections = 2;
  Server server(options);
  RawPeer one = server.connect();
  RawPeer two = server.connect();
  EXPECT_TRUE(server.comes_to(2));
  {
    RawPeer three = server.connect();
    three.send(get("/echo"));
    EXPECT_THAT(three.receive_all(), StartsWith("HTTP/1.1 503 "));
  }
  one.close();
  EXPECT_TRUE(server.comes_to(1));
  RawPeer four = server.connect();
  four.send(get("/echo"));
  EXPECT_THAT(head_of(four), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, DrainEndsIdleConnectionsAndLetsAnswersFinish) {
  Server server;
  RawPeer idle = server.connect();
  RawPeer busy = server.connect();
  busy.send(get("/hold"));
  Responder responder = server.held.get();
  EXPECT_TRUE(server.comes_to(2));
  Awaited<bool> drained;
  const std::uint16_t port = server.server->port();
  server.thread.call([&] { server.server->drain([&] { drained.set(true); }); });
  EXPECT_EQ(idle.receive_all(), "");
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(drained.wait(milliseconds(20)));
  EXPECT_EQ(fetch(loopback(port), {}).error().code, base::ErrorCode::Unreachable);
  server.thread.call([&] { responder.send(200, "text/plain", "done"); });
  EXPECT_THAT(busy.receive_all(), HasSubstr("Connection: close\r\n"));
  busy.close();
  EXPECT_TRUE(drained.get());
}

TEST(HttpServer, DestroyingItLeavesResponders) {
  LoopThread thread;
  Awaited<Responder> held;
  auto server = thread.call([&] {
    return *HttpServer::listen(thread.loop, {}, [&](const ServerRequest&, Responder responder) {
      responder.on_disconnect([] { ADD_FAILURE() << "nobody is told"; });
      held.set(responder);
    });
  });
  RawPeer peer = RawPeer::connect(server->port());
  peer.send(get("/"));
  Responder responder = held.get();
  thread.call([&] {
    server.reset();
    responder.start_stream(200, "");
    responder.write("x");
    EXPECT_FALSE(responder.connected());
  });
  EXPECT_EQ(peer.receive_all(), "");
}

TEST(HttpServer, APortInUseIsSaidSo) {
  Server server;
  EventLoop loop;
  ServerOptions options;
  options.port = server.server->port();
  const auto second = HttpServer::listen(loop, options, [](const ServerRequest&, Responder) {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(options.port)));
  options.host = "not an address";
  EXPECT_FALSE(HttpServer::listen(loop, options, [](const ServerRequest&, Responder) {}));
}

TEST(HttpServer, AnswersFromAnotherThreadArePosted) {
  std::vector<std::thread> workers;
  LoopThread thread;
  auto server = thread.call([&] {
    return *HttpServer::listen(thread.loop, {}, [&](const ServerRequest& request, Responder responder) {
      workers.emplace_back([&thread, responder, body = request.body] {
        for (int i = 0; i < 20; ++i) {
          thread.loop.post([responder, i]() mutable {
            if (i == 0) responder.start_stream(200, "text/plain");
            responder.write("x");
          });
        }
        thread.loop.post([responder]() mutable { responder.finish(); });
      });
    });
  });
  for (int i = 0; i < 20; ++i) {
    const auto got = fetch(loopback(server->port()), {});
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, std::string(20, 'x'));
  }
  for (auto& worker : workers) worker.join();
  thread.call([&] { server.reset(); });
}

}  // namespace
}  // namespace moestress::net

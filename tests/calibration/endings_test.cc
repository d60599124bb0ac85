// A server for each way for a request to end.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calibration.h"

namespace moestress::calibration {
namespace {

using namespace std::chrono_literals;
using record::Ending;
using record::Endpoint;
using record::Outcome;
using target::Dialect;
using testing::HasSubstr;

const std::string kHead = stream_head("text/event-stream");

class Endings : public Calibration {
 protected:
  /// What becomes of one request to a server with this script.
  Outcome outcome_of(Script script, Endpoint endpoint = Endpoint::Chat) {
    serve([script](const Received&) { return script; });
    net::Timeouts timeouts;
    timeouts.connect = 300ms;
    timeouts.first_byte = 300ms;
    timeouts.idle = 300ms;
    timeouts.total = 1s;
    net::ClientLimits limits;
    limits.body_bytes = 64 * 1024;
    attach(Dialect::Moestress, timeouts, limits);
    return once(request(endpoint));
  }
  static Script writes(std::string bytes, Finally finally = Finally::KeepAlive) {
    return {{{0ms, std::move(bytes)}}, finally};
  }
};

TEST_F(Endings, Complete) {
  const Outcome outcome = outcome_of(
      writes(kHead + http_chunk(chat_event("a")) + http_chunk("data: [DONE]\n\n") + kLastHttpChunk));
  EXPECT_EQ(outcome.ending, Ending::Complete);
  EXPECT_EQ(outcome.text, "a");
}

TEST_F(Endings, Refused) {
  serve([](const Received&) { return Script{}; });
  attach(Dialect::OpenAi);
  server_.reset();
  const Outcome outcome = once(request());
  EXPECT_EQ(outcome.ending, Ending::Refused);
  EXPECT_EQ(outcome.sent, base::Duration(-1));
  EXPECT_GE(outcome.done, outcome.planned);
}

TEST_F(Endings, ResetBeforeAnyAnswer) { EXPECT_EQ(outcome_of({{}, Finally::Reset}).ending, Ending::Reset); }

TEST_F(Endings, ClosedBeforeAnyAnswer) { EXPECT_EQ(outcome_of({{}, Finally::Close}).ending, Ending::Reset); }

TEST_F(Endings, ResetInTheMiddle) {
  // Read first: a reset throws away what the client has not read yet.
  const Outcome outcome =
      outcome_of({{{0ms, kHead + http_chunk(chat_event("half"))}, {100ms, http_chunk(chat_event("x"))}},
                  Finally::Reset});
  EXPECT_EQ(outcome.ending, Ending::Reset);
  EXPECT_THAT(outcome.text, HasSubstr("half"));
}

TEST_F(Endings, ConnectTimeout) {
  serve([](const Received&) { return Script{}; });
  net::Timeouts timeouts;
  timeouts.connect = 300ms;
  attach(Dialect::OpenAi, timeouts);
  const std::uint16_t port = server_->port();
  server_.reset();
  // In its place a listener whose queue is full: Linux lets further connections wait.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  std::vector<int> queued;
  for (int i = 0; i < 4; ++i) {
    queued.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    connect(queued.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  const Outcome outcome = once(request());
  EXPECT_EQ(outcome.ending, Ending::ConnectTimeout);
  EXPECT_GE(outcome.done - outcome.planned, 300ms);
  EXPECT_LT(outcome.done - outcome.planned, 3s);
  for (const int fd : queued) close(fd);
  close(listener);
}

TEST_F(Endings, FirstByteTimeout) {
  const Outcome outcome = outcome_of({{}, Finally::Hang});
  EXPECT_EQ(outcome.ending, Ending::FirstByteTimeout);
  EXPECT_GE(outcome.sent, 0ms);
  EXPECT_EQ(outcome.first_byte, base::Duration(-1));
  EXPECT_GE(outcome.done - outcome.sent, 300ms);
}

TEST_F(Endings, IdleTimeout) {
  const Outcome outcome = outcome_of(writes(kHead + http_chunk(chat_event("half")), Finally::Hang));
  EXPECT_EQ(outcome.ending, Ending::IdleTimeout);
  EXPECT_EQ(outcome.text, "half");
}

TEST_F(Endings, TotalTimeout) {
  Script script{{{0ms, kHead}}, Finally::Hang};
  for (int i = 1; i < 30; ++i) script.steps.push_back({50ms * i, http_chunk(chat_event("x"))});
  const Outcome outcome = outcome_of(script);
  EXPECT_EQ(outcome.ending, Ending::TotalTimeout);
  EXPECT_GE(outcome.chunks.size(), 10U);
}

TEST_F(Endings, TruncatedInsideAChunk) {
  const std::string event = chat_event("lost");
  const std::string cut = http_chunk(event).substr(0, 12);
  const Outcome outcome = outcome_of(writes(kHead + http_chunk(chat_event("half")) + cut, Finally::Close));
  EXPECT_EQ(outcome.ending, Ending::TruncatedStream);
  EXPECT_EQ(outcome.text, "half");
}

TEST_F(Endings, TruncatedInsideAnEvent) {
  EXPECT_EQ(outcome_of(writes(kHead + http_chunk("data: {\"choi") + kLastHttpChunk)).ending,
            Ending::TruncatedStream);
}

TEST_F(Endings, TruncatedInsideABody) {
  EXPECT_EQ(
      outcome_of(writes("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
                        Finally::Close))
          .ending,
      Ending::TruncatedStream);
}

TEST_F(Endings, MissingEndMarker) {
  const Outcome outcome = outcome_of(writes(kHead + http_chunk(chat_event("all of it?")) + kLastHttpChunk));
  EXPECT_EQ(outcome.ending, Ending::MissingEndMarker);
  EXPECT_EQ(outcome.text, "all of it?");
}

TEST_F(Endings, Http4xx) {
  const Outcome outcome =
      outcome_of(writes(whole(400, "application/json", R"({"error":{"message":"too long"}})")));
  EXPECT_EQ(outcome.ending, Ending::Http4xx);
  EXPECT_EQ(outcome.http_status, 400);
  EXPECT_EQ(outcome.detail, "too long");
}

TEST_F(Endings, Http5xx) {
  EXPECT_EQ(outcome_of(writes(whole(502, "text/plain", "Bad Gateway"))).ending, Ending::Http5xx);
}

TEST_F(Endings, ErrorInTheStream) {
  const Outcome outcome = outcome_of(writes(kHead + http_chunk(chat_event("a")) +
                                            http_chunk("data: {\"error\":{\"message\":\"slot lost\"}}\n\n")));
  EXPECT_EQ(outcome.ending, Ending::ServerError);
  EXPECT_EQ(outcome.detail, "slot lost");
  EXPECT_EQ(outcome.http_status, 200);
}

TEST_F(Endings, NotHttp) {
  EXPECT_EQ(outcome_of(writes("SSH-2.0-OpenSSH_9.2\r\n\r\n", Finally::Close)).ending,
            Ending::MalformedResponse);
}

TEST_F(Endings, NotAStream) {
  EXPECT_EQ(outcome_of(writes(whole(200, "text/html", "<html>Welcome to the proxy</html>\n"))).ending,
            Ending::MalformedResponse);
  EXPECT_EQ(outcome_of(writes(kHead + http_chunk("data: {\"choices\":[}\n\n"))).ending,
            Ending::MalformedResponse);
}

TEST_F(Endings, TooLarge) {
  const Outcome outcome =
      outcome_of(writes(kHead + http_chunk(": " + std::string(100 * 1024, 'x') + "\n\n")));
  EXPECT_EQ(outcome.ending, Ending::TooLarge);
}

TEST_F(Endings, Cancelled) {
  serve([](const Received&) {
    return Script{{{0ms, kHead + http_chunk(chat_event("half"))}}, Finally::Hang};
  });
  attach(Dialect::OpenAi);
  std::thread later([this] {
    std::this_thread::sleep_for(150ms);
    cancelled_ = true;
  });
  const Outcome outcome = once(request());
  later.join();
  EXPECT_EQ(outcome.ending, Ending::Cancelled);
  EXPECT_EQ(outcome.text, "half");
}

TEST_F(Endings, OfAWebSocket) {
  const auto ending = [this](Script script) {
    return outcome_of(std::move(script), Endpoint::ShimmyWebSocket).ending;
  };
  EXPECT_EQ(ending({{{0ms, "a"}, {0ms, R"({"done":true})"}}, Finally::KeepAlive}), Ending::Complete);
  EXPECT_EQ(ending({{{0ms, R"({"error":"model not found"})"}}, Finally::Close}), Ending::ServerError);
  EXPECT_EQ(ending({{}, Finally::Hang}), Ending::FirstByteTimeout);
  EXPECT_EQ(ending({{{0ms, "a"}}, Finally::Hang}), Ending::IdleTimeout);
}

}  // namespace
}  // namespace moestress::calibration

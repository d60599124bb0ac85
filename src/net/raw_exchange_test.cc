#include "net/raw_exchange.h"

#include <gtest/gtest.h>

#include "net/net_testing.h"

namespace moestress::net {
namespace {

using std::chrono::milliseconds;

TEST(RawExchange, SendsBytesAsTheyAreAndWaitsForTheEnd) {
  std::string got;
  RawServer server([&got](RawPeer peer, int) {
    got = peer.receive_all();  // up to the half-close
    peer.send("that is no protocol");
  });
  const RawAnswer answer = exchange_raw(loopback(server.port()), {.steps = {{"\r\n\x01no\r\n", true}}});
  EXPECT_EQ(got, "\r\n\x01no\r\n");
  EXPECT_EQ(answer.end, RawEnd::Closed);
  EXPECT_EQ(answer.received, "that is no protocol");
}

TEST(RawExchange, AStepWaitsForWhatItAskedFor) {
  RawServer server([](RawPeer peer, int) {
    EXPECT_EQ(peer.receive_until("1"), "1");
    peer.send("one");
    EXPECT_EQ(peer.receive_until("2"), "2");
    peer.send("one again, and two");
    peer.receive_all();
  });
  const auto until = [](std::string_view mark) {
    return [mark](std::string_view received) { return received.find(mark) != std::string_view::npos; };
  };
  const RawAnswer answer = exchange_raw(loopback(server.port()),
                                        {.steps = {{"1", false, until("one")}, {"2", false, until("two")}}});
  EXPECT_EQ(answer.end, RawEnd::Enough);
  EXPECT_EQ(answer.step, 1U);
  EXPECT_EQ(answer.received, "oneone again, and two");
}

TEST(RawExchange, AnAnswerBeforeAllIsSentIsHeard) {
  RawServer server([](RawPeer peer, int) {
    peer.receive();
    peer.send("too much");
    peer.receive_all();
  });
  const RawAnswer answer =
      exchange_raw(loopback(server.port()), {.steps = {{std::string(32 * 1024 * 1024, 'x'), false,
                                                        [](std::string_view got) { return !got.empty(); }}}});
  EXPECT_EQ(answer.end, RawEnd::Enough);
  EXPECT_EQ(answer.received, "too much");
}

TEST(RawExchange, LosesPatienceWithSilence) {
  RawServer server([](RawPeer peer, int) { peer.receive_all(); });
  const RawAnswer answer =
      exchange_raw(loopback(server.port()), {.steps = {{"anyone?"}}, .patience = milliseconds(50)});
  EXPECT_EQ(answer.end, RawEnd::TimedOut);
  EXPECT_GE(answer.took, milliseconds(50));
}

TEST(RawExchange, TellsAResetAndNoConnection) {
  std::uint16_t port = 0;
  {
    RawServer server([](RawPeer peer, int) {
      peer.receive();
      peer.reset();
    });
    port = server.port();
    EXPECT_EQ(exchange_raw(loopback(port), {.steps = {{"x"}}}).end, RawEnd::Reset);
  }
  const RawAnswer answer = exchange_raw(loopback(port), {.steps = {{"x"}}});
  EXPECT_EQ(answer.end, RawEnd::NotConnected);
  EXPECT_FALSE(answer.detail.empty());
}

TEST(RawExchange, ReadsSlowlyUntilTold) {
  const std::string text(2000, 'x');
  RawServer server([&text](RawPeer peer, int) { peer.send(text); });
  const RawAnswer slow = exchange_raw(loopback(server.port()),
                                      {.steps = {{}},
                                       .pace = {.bytes = 10, .every = milliseconds(10), .receive_buffer = 1},
                                       .patience = milliseconds(200)});
  EXPECT_EQ(slow.end, RawEnd::TimedOut);
  EXPECT_EQ(slow.paced_bytes, slow.received.size());
  EXPECT_LT(slow.received.size(), text.size() / 2);
  const std::atomic<bool> hurry{true};
  const RawAnswer fast =
      exchange_raw(loopback(server.port()),
                   {.steps = {{}},
                    .pace = {.bytes = 10, .every = milliseconds(10), .receive_buffer = 1, .hurry = &hurry}});
  EXPECT_EQ(fast.end, RawEnd::Closed);
  EXPECT_EQ(fast.received, text);
  EXPECT_EQ(fast.paced_bytes, 0U);
}

}  // namespace
}  // namespace moestress::net

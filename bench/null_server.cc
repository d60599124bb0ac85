// A server that does nothing as fast as it can, to see what the client, or another one such as wrk, costs by
// itself.
//
//   null_server [PORT]
//
// GET / answers a small JSON; GET /stream?N answers N server-sent events, each written by itself. Ends on
// SIGINT, SIGTERM.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <thread>

#include "net/event_loop.h"
#include "net/http_server.h"

namespace {

using namespace moestress;

constexpr std::string_view kEvent =
    R"(data: {"choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]})"
    "\n\n";
constexpr int kEventsATurn = 16;  ///< then other connections have theirs

int number_in(std::string_view text, int otherwise) {
  int value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void stream(net::EventLoop& loop, net::Responder responder, int left) {
  for (int i = 0; i < std::min(left, kEventsATurn); ++i) responder.write(kEvent);
  if (left <= kEventsATurn) {
    responder.write("data: [DONE]\n\n");
    responder.finish();
  } else if (responder.connected()) {
    loop.post([&loop, responder, left] { stream(loop, responder, left - kEventsATurn); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  net::EventLoop loop;
  net::ServerOptions options;
  options.port = static_cast<std::uint16_t>(argc > 1 ? number_in(argv[1], 0) : 0);
  const auto server = net::HttpServer::listen(
      loop, options, [&](const net::ServerRequest& request, net::Responder responder) {
        if (request.path == "/stream") {
          responder.start_stream(200, "text/event-stream");
          stream(loop, responder, std::clamp(number_in(request.query, 100), 0, 1'000'000));
        } else {
          responder.send(200, "application/json", R"({"status":"ok"})");
        }
      });
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().message);
    return 2;
  }
  fmt::print("http://127.0.0.1:{}\n", (*server)->port());
  std::fflush(stdout);
  std::thread thread([&] { loop.run(); });
  int signal = 0;
  sigwait(&ends, &signal);
  loop.stop();
  thread.join();
  return 0;
}

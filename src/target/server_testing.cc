// A small server for target's tests to start: says on stdout what it does, answers 503 while it "loads",
// lists one model, and may die instead.
//
//     target_test_server PORT LOAD_MS [DIE_WITH_CODE]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "net/event_loop.h"
#include "net/http_server.h"

namespace {

int serve(int port, std::chrono::milliseconds load, int die_with) {
  namespace net = moestress::net;
  net::EventLoop loop;
  bool loaded = false;
  net::ServerOptions options;
  options.port = static_cast<std::uint16_t>(port);
  auto server = net::HttpServer::listen(
      loop, options, [&loaded](const net::ServerRequest& request, net::Responder responder) {
        if (request.path == "/health" && !loaded) {
          responder.send(503, "application/json", R"({"error":{"message":"Loading model"}})");
        } else if (request.path == "/health") {
          responder.send(200, "application/json", "{}");
        } else if (request.path == "/v1/models") {
          responder.send(200, "application/json", R"({"data":[{"id":"tiny"}]})");
        } else {
          responder.send(404, "text/plain", "");
        }
      });
  if (!server) {
    std::printf("%s\n", server.error().message.c_str());
    return 1;
  }
  std::printf("loading on port %d\n", port);
  std::fflush(stdout);
  loop.at(loop.now() + load, [&] {
    if (die_with >= 0) {
      std::printf("error: no such model\n");
      std::fflush(stdout);
      std::_Exit(die_with);
    }
    loaded = true;
  });
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  return serve(std::atoi(argv[1]), std::chrono::milliseconds(std::atoi(argv[2])),
               argc > 3 ? std::atoi(argv[3]) : -1);
}

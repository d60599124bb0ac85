#include "net/http_server.h"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <ctime>

#include "net/asio_server.h"

namespace moestress::net {
namespace {

using asio::ip::tcp;
using base::ErrorCode;

constexpr base::Duration kAcceptPause = std::chrono::milliseconds(100);
/// So many more than the limit are told so with a 503; past that a connection is just closed.
constexpr int kTurnedAwayAtOnce = 64;

base::Result<tcp::endpoint> find_endpoint(EventLoop& loop, const ServerOptions& options) {
  error_code error;
  const auto address = asio::ip::make_address(options.host, error);
  if (!error) return tcp::endpoint(address, options.port);
  tcp::resolver resolver(loop.sockets().context);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return base::fail(ErrorCode::Usage, "cannot listen on host '{}': {}; name an address of this machine",
                      options.host, error ? error.message() : "no address");
  }
  return found.begin()->endpoint();
}

}  // namespace

void ServerCore::forget(const std::shared_ptr<ServerConnection>& connection) {
  if (connections.erase(connection) > 0) tell_if_idle();
}

void ServerCore::forget(const std::shared_ptr<WebSocketSession>& session) {
  if (sessions.erase(session) > 0) tell_if_idle();
}

void ServerCore::tell_if_idle() {
  if (!draining || !idle || open() > 0) return;
  loop.post(std::exchange(idle, nullptr));
}

const std::string& ServerCore::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    date_ =
        fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday], parts.tm_mday,
                    kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  }
  return date_;
}

/// The listening side. Owned by the server and by the accept that is pending.
struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  State(EventLoop& loop, std::shared_ptr<ServerCore> server_core)
      : core(std::move(server_core)), acceptor(loop.sockets().context) {}

  base::Status listen(const tcp::endpoint& endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return base::fail(ErrorCode::Io,
                        "cannot listen on {}:{}: {}; choose another port, or 0 for any free one",
                        endpoint.address().to_string(), endpoint.port(), error.message());
    }
    port = acceptor.local_endpoint(error).port();
    return {};
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](const error_code& error, ServerSocket socket) {
      if (!self->acceptor.is_open()) return;
      if (error) {
        // Out of descriptors, most likely: those that wait stay in the kernel's queue until some are free.
        self->pause = self->core->loop.at(later(self->core->loop.now(), kAcceptPause), [raw = self.get()] {
          raw->pause = 0;
          raw->accept();
        });
        return;
      }
      self->take(std::move(socket));
      self->accept();
    });
  }

  void take(ServerSocket socket) {
    error_code error;
    socket.set_option(tcp::no_delay(true), error);
    if (!error) socket.non_blocking(true, error);
    if (error) return;  // the client is gone already
    const int open = core->open();
    if (open >= core->options.connections + kTurnedAwayAtOnce) return;
    const auto connection = std::make_shared<ServerConnection>(core, std::move(socket));
    core->connections.insert(connection);
    if (open >= core->options.connections) {
      connection->turn_away();
    } else {
      connection->start();
    }
  }

  void stop_accepting() {
    error_code ignored;
    acceptor.close(ignored);
    if (pause != 0) core->loop.cancel_timer(pause);
    pause = 0;
  }

  const std::shared_ptr<ServerCore> core;
  asio::basic_socket_acceptor<tcp, asio::io_context::executor_type> acceptor;
  std::uint16_t port = 0;
  std::uint64_t pause = 0;  ///< timer until the next try to accept
};

HttpServer::HttpServer() = default;

base::Result<std::unique_ptr<HttpServer>> HttpServer::listen(EventLoop& loop, const ServerOptions& options,
                                                             OnRequest on_request, OnWebSocket on_websocket) {
  MOESTRESS_TRY(const tcp::endpoint endpoint, find_endpoint(loop, options));
  auto core = std::make_shared<ServerCore>(loop, options, std::move(on_request), std::move(on_websocket));
  auto state = std::make_shared<State>(loop, std::move(core));
  MOESTRESS_TRY_STATUS(state->listen(endpoint));
  state->accept();
  std::unique_ptr<HttpServer> server(new HttpServer);
  server->state_ = std::move(state);
  return server;
}

HttpServer::~HttpServer() {
  state_->stop_accepting();
  ServerCore& core = *state_->core;
  core.idle = nullptr;
  const auto connections = std::move(core.connections);
  const auto sessions = std::move(core.sessions);
  core.connections.clear();
  core.sessions.clear();
  for (const auto& connection : connections) connection->shut();
  for (const auto& session : sessions) shut_websocket_session(session);
}

std::uint16_t HttpServer::port() const { return state_->port; }

int HttpServer::open_connections() const { return state_->core->open(); }

void HttpServer::drain(std::function<void()> idle) {
  state_->stop_accepting();
  ServerCore& core = *state_->core;
  core.draining = true;
  core.idle = std::move(idle);
  const auto connections = core.connections;  // those that close take themselves out of the set
  for (const auto& connection : connections) connection->drain();
  if (core.idle && core.open() == 0) core.loop.post(std::exchange(core.idle, nullptr));
}

}  // namespace moestress::net

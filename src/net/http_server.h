#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/http_client.h"

namespace moestress::net {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 8 * 1024 * 1024;
  std::size_t frame_bytes = 1 * 1024 * 1024;         ///< WebSocket message
  std::size_t write_buffer_bytes = 4 * 1024 * 1024;  ///< a slow reader past this is hung up on
  int connections = 1024;
  /// For a request's head from its first byte, and then for each 64 KiB of its body; past it 408.
  base::Duration header_timeout = std::chrono::seconds(15);
  base::Duration idle_timeout =
      std::chrono::seconds(75);  ///< keep-alive without a request; a write without progress
};

struct ServerRequest {
  std::string method;
  std::string path;  ///< without query
  std::string query;
  Headers headers;  ///< names in lower case
  std::string body;
  /// The first of that name, in any case, or nullptr.
  const std::string* header(std::string_view name) const;
};

/// The answer to one request: one send, or one stream. Copyable handle; loop thread only (post to it from
/// elsewhere). Calls after the client left, or after the answer is finished, do nothing. When the last copy
/// goes without an answer, the client gets a 500. A HEAD request's answer is given like a GET's; its body is
/// left out here.
class Responder {
 public:
  void send(int status, std::string_view content_type, std::string body, const Headers& extra = {});
  /// Chunked streaming: one start, any number of writes, one finish.
  void start_stream(int status, std::string_view content_type, const Headers& extra = {});
  void write(std::string_view piece);
  void finish();
  /// Cuts the connection without finishing (for fault injection and drain).
  void abort();
  /// Called once, when the client closes, half-closes or resets before the answer is finished, or is hung up
  /// on for reading too slowly; at the next turn of the loop if that has happened already.
  void on_disconnect(std::function<void()> callback);
  /// Whether the client is there and the answer unfinished.
  bool connected() const;

  struct State;
  explicit Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

/// The server side of one WebSocket. Copyable handle; loop thread only. Callbacks are set in the upgrade's
/// handler. Frames that break the protocol, text that is not UTF-8 and messages past `frame_bytes` are
/// answered with the close codes 1002, 1007 and 1009; silent clients are pinged.
class WebSocketPeer {
 public:
  /// Queued; a client that leaves more than `write_buffer_bytes` unread is cut.
  void send_text(std::string payload);
  /// A close frame, after what is queued.
  void close();
  void on_message(std::function<void(std::string_view payload, bool text)> callback);
  /// Called once, however it ended; not when the server itself is destroyed.
  void on_close(std::function<void()> callback);

  struct State;
  explicit WebSocketPeer(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

/// HTTP/1.1 with keep-alive, chunked streaming and WebSocket upgrades. Malformed requests get 400, too large
/// ones 413 or 431, slow ones 408, connections past the limit 503, and are closed; the handlers never see
/// them. Requests of one connection are handled one after another. Handlers must not throw. Loop thread only.
class HttpServer {
 public:
  using OnRequest = std::function<void(const ServerRequest&, Responder)>;
  /// Called for an upgrade request; return false for a path that has no WebSocket (answered 404).
  using OnWebSocket = std::function<bool(const ServerRequest&, WebSocketPeer)>;

  /// Errors: Usage for a host that is none, Io where the system refuses, e.g. a port in use.
  static base::Result<std::unique_ptr<HttpServer>> listen(EventLoop& loop, const ServerOptions& options,
                                                          OnRequest on_request,
                                                          OnWebSocket on_websocket = {});
  /// Closes every connection; nobody is told.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;
  int open_connections() const;
  /// Takes no further connections and closes those without a request; the others are closed after their
  /// answer. WebSockets go on. `idle` is called when the last connection has ended.
  void drain(std::function<void()> idle);

 private:
  HttpServer();
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace moestress::net

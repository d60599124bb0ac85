#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "net/asio_loop.h"
#include "net/asio_parser.h"
#include "net/deadline.h"
#include "net/http_message.h"
#include "net/http_server.h"

// Internal to net: what HttpServer is made of.
namespace moestress::net {

namespace asio = boost::asio;

using ServerSocket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

/// After our last words on a connection what the client still sends is read and dropped, so long and so much:
/// closing at once would reset it, and the client might lose those words.
constexpr base::Duration kLinger = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 64 * 1024 * 1024;

class ServerConnection;
class WebSocketSession;

/// What the connections of one server share. Owned by the server and its connections; loop thread only.
class ServerCore {
 public:
  ServerCore(EventLoop& event_loop, ServerOptions server_options, HttpServer::OnRequest request,
             HttpServer::OnWebSocket websocket)
      : loop(event_loop),
        options(std::move(server_options)),
        on_request(std::move(request)),
        on_websocket(std::move(websocket)) {}

  void forget(const std::shared_ptr<ServerConnection>& connection);
  void forget(const std::shared_ptr<WebSocketSession>& session);
  int open() const { return static_cast<int>(connections.size() + sessions.size()); }
  /// The time as HTTP's Date header gives it, made anew once a second.
  const std::string& date();

  EventLoop& loop;
  const ServerOptions options;
  const HttpServer::OnRequest on_request;
  const HttpServer::OnWebSocket on_websocket;
  std::unordered_set<std::shared_ptr<ServerConnection>> connections;
  std::unordered_set<std::shared_ptr<WebSocketSession>> sessions;
  bool draining = false;
  std::function<void()> idle;  ///< set by drain, called once

 private:
  void tell_if_idle();

  std::int64_t date_second_ = -1;
  std::string date_;
};

/// Shared by the copies of a Responder. May be dropped on any thread once the answer is finished or the
/// client gone; dropped before, the client gets a 500.
struct Responder::State {
  ~State();
  std::weak_ptr<ServerConnection> connection;
  EventLoop* loop = nullptr;
  std::uint64_t exchange = 0;
  bool open = true;  ///< answer unfinished and client there
  bool streaming = false;
  bool gone = false;           ///< the client left before the answer was finished
  std::function<void()> left;  ///< on_disconnect's
};

/// One client's connection. A read is pending whenever there is room for what it brings, also while an answer
/// is awaited: that is how a client that leaves is noticed at once. Owned by the core's set and by its
/// pending operations.
class ServerConnection : public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(std::shared_ptr<ServerCore> core, ServerSocket socket);

  void start();
  /// Answers 503 and closes: there are too many.
  void turn_away();
  /// Closes if no request is under way; otherwise the answer under way is the last.
  void drain();
  /// Closes without telling anyone, for a server that goes.
  void shut();

  // Responder's side. Nothing happens unless `state` is the exchange under way.
  void send(Responder::State& state, int status, std::string_view content_type, std::string body,
            const Headers& extra);
  void start_stream(Responder::State& state, int status, std::string_view content_type, const Headers& extra);
  void write(Responder::State& state, std::string_view piece);
  void finish(Responder::State& state);
  void abort(Responder::State& state);
  void abandoned(std::uint64_t exchange);

 private:
  enum class Phase { Reading, Responding, Lingering, Closed };

  void read();
  void on_read(const error_code& error, std::size_t bytes);
  void process();
  void on_head();
  void on_body_progress();
  void reject_parse(const error_code& error);
  /// Answers an error of the protocol's own, then closes.
  void reject(int status, std::string_view message);
  void dispatch();
  void upgrade(const ServerRequest& request);
  bool under_way(const Responder::State& state) const;
  void answer(int status, std::string_view content_type, std::string_view body, const Headers& extra);

  /// Writes what the kernel takes now and queues the rest.
  void transmit(const std::array<asio::const_buffer, 3>& pieces);
  void write_queue();
  void write_rest();
  void on_written(const error_code& error, std::size_t bytes);
  void answer_done();
  void next_request();
  void linger();
  void fail_later();
  void leave();
  void close();
  void on_deadline();

  const std::shared_ptr<ServerCore> core_;
  ServerSocket socket_;
  boost::beast::flat_buffer in_;
  std::optional<RequestParser> parser_;
  Phase phase_ = Phase::Reading;
  bool reading_ = false;     ///< a read is pending
  bool processing_ = false;  ///< process() is on the stack
  bool head_seen_ = false;
  std::size_t body_mark_ = 0;  ///< body bytes at which the deadline was last moved
  std::size_t lingered_bytes_ = 0;

  // The exchange under way.
  std::uint64_t exchange_ = 0;
  std::weak_ptr<Responder::State> responder_;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http_1_1_ = true;
  Framing framing_ = Framing::Length;
  bool streaming_ = false;  ///< a streamed answer's head is out
  bool answered_ = false;   ///< the last byte of the answer is written or queued

  std::string sending_;  ///< being written, from sent_ on
  std::size_t sent_ = 0;
  std::string queued_;  ///< written when `sending_` is
  bool writing_ = false;
  bool broken_ = false;  ///< a write failed; leave() is on its way

  Deadline deadline_;
};

// A WebSocketSession, for those who need not know it whole: it takes the socket of an upgrade request over.
// Owned by the core's set and by its pending operations.

/// `peer` is set to the state that its handles share.
std::shared_ptr<WebSocketSession> make_websocket_session(const std::shared_ptr<ServerCore>& core,
                                                         ServerSocket socket,
                                                         std::shared_ptr<WebSocketPeer::State>& peer);
void start_websocket_session(const std::shared_ptr<WebSocketSession>& session, const ServerRequest& request);
/// For a session that won't be started.
ServerSocket give_socket_back(const std::shared_ptr<WebSocketSession>& session);
void shut_websocket_session(const std::shared_ptr<WebSocketSession>& session);

}  // namespace moestress::net

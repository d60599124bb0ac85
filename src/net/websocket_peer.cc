#include <boost/asio/append.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

#include "net/asio_server.h"

namespace moestress::net {

namespace websocket = boost::beast::websocket;

namespace {

constexpr std::size_t kDropBytes = 16 * 1024;

/// The socket as Beast sees it. Beast's own way to end one waits for the client's end, and tells of nothing
/// before.
struct PeerSocket {
  using executor_type = ServerSocket::executor_type;

  explicit PeerSocket(ServerSocket taken) : socket(std::move(taken)) {}
  executor_type get_executor() { return socket.get_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token)
      -> decltype(std::declval<ServerSocket&>().async_read_some(buffers, std::forward<Token>(token))) {
    return socket.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token)
      -> decltype(std::declval<ServerSocket&>().async_write_some(buffers, std::forward<Token>(token))) {
    return socket.async_write_some(buffers, std::forward<Token>(token));
  }

  ServerSocket socket;
};

void beast_close_socket(PeerSocket& stream) {
  error_code ignored;
  stream.socket.close(ignored);
}

void teardown(boost::beast::role_type, PeerSocket& stream, error_code& error) {
  stream.socket.shutdown(asio::socket_base::shutdown_send, error);
}

template <class Handler>
void async_teardown(boost::beast::role_type role, PeerSocket& stream, Handler&& handler) {
  error_code error;
  teardown(role, stream, error);
  asio::post(stream.get_executor(), asio::append(std::forward<Handler>(handler), error));
}

}  // namespace

/// Shared by the copies of a WebSocketPeer; the session holds it for its callbacks.
struct WebSocketPeer::State {
  std::weak_ptr<WebSocketSession> session;
  std::function<void(std::string_view, bool)> message;
  std::function<void()> closed;
};

/// The server's end of one WebSocket: reads always, writes one message at a time. After a close frame of ours
/// it lingers, the application being told at once.
class WebSocketSession : public std::enable_shared_from_this<WebSocketSession> {
 public:
  WebSocketSession(std::shared_ptr<ServerCore> core, ServerSocket socket,
                   std::shared_ptr<WebSocketPeer::State> peer)
      : core_(std::move(core)),
        stream_(std::move(socket)),
        peer_(std::move(peer)),
        linger_(core_->loop, [this] { forget(); }) {
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = core_->options.header_timeout;
    timeout.idle_timeout = core_->options.idle_timeout;
    timeout.keep_alive_pings = true;  // a client that is only silent stays; one that is gone is found out
    stream_.set_option(timeout);
    stream_.read_message_max(core_->options.frame_bytes);
    stream_.auto_fragment(false);
    stream_.text(true);
  }

  /// For an upgrade that is refused: nothing has been read or written yet.
  ServerSocket give_back() {
    ended_ = true;
    peer_->message = nullptr;
    peer_->closed = nullptr;
    return std::move(stream_.next_layer().socket);
  }

  /// Shakes hands; what was sent before then waits.
  void accept(const ServerRequest& request) {
    http::request<http::empty_body> upgrade;
    upgrade.method_string(request.method);
    upgrade.target(request.path);
    upgrade.version(11);
    for (const auto& [name, value] : request.headers) upgrade.insert(name, value);
    stream_.async_accept(upgrade, [self = shared_from_this()](const error_code& error) {
      if (error) {
        self->end(error);
        return;
      }
      self->accepted_ = true;
      self->read();
      self->write();
    });
  }

  void send(std::string payload) {
    if (ended_ || closing_) return;
    queued_bytes_ += payload.size();
    queue_.push_back(std::move(payload));
    if (queued_bytes_ > core_->options.write_buffer_bytes) {
      cut();
      return;
    }
    write();
  }

  void close() {
    if (ended_ || closing_) return;
    closing_ = true;
    write();
  }

  /// Without telling anyone, for a server that goes.
  void shut() {
    peer_->message = nullptr;
    peer_->closed = nullptr;
    ended_ = true;
    beast_close_socket(stream_.next_layer());
  }

 private:
  void read() {
    stream_.async_read(
        buffer_, [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
  }

  void on_read(const error_code& error) {
    if (ended_) return;
    if (error) {
      end(error);
      return;
    }
    const auto data = buffer_.cdata();
    // A copy: the callback may set another one.
    if (const auto message = peer_->message) {
      message({static_cast<const char*>(data.data()), data.size()}, stream_.got_text());
    }
    buffer_.consume(buffer_.size());
    if (!ended_) read();
  }

  void write() {
    if (!accepted_ || writing_ || ended_) return;
    if (queue_.empty()) {
      if (closing_) send_close();
      return;
    }
    writing_ = true;
    stream_.async_write(
        asio::buffer(queue_.front()),
        [self = shared_from_this()](const error_code& error, std::size_t) { self->on_written(error); });
  }

  void on_written(const error_code& error) {
    writing_ = false;
    if (ended_ || error) return;  // the pending read ends the session, and knows better why
    queued_bytes_ -= queue_.front().size();
    queue_.pop_front();
    write();
  }

  void send_close() {
    writing_ = true;
    stream_.async_close(websocket::close_code::normal,
                        [self = shared_from_this()](const error_code& error) { self->end(error); });
  }

  /// A reader too slow for its write buffer.
  void cut() {
    error_code ignored;
    stream_.next_layer().socket.set_option(asio::socket_base::linger(true, 0), ignored);
    beast_close_socket(stream_.next_layer());
    asio::post(stream_.get_executor(),
               [self = shared_from_this()] { self->end(asio::error::connection_aborted); });
  }

  void end(const error_code& error) {
    if (ended_) return;
    ended_ = true;
    const auto self = shared_from_this();
    peer_->message = nullptr;
    const bool said_close =
        !error || error.category() == make_error_code(websocket::error::closed).category();
    if (said_close) {  // or, in place of a handshake, that there is none
      error_code ignored;
      teardown(boost::beast::role_type::server, stream_.next_layer(), ignored);
      linger_.set(later(core_->loop.now(), kLinger));
      drop_rest();
    } else {
      forget();
    }
    if (const auto closed = std::exchange(peer_->closed, nullptr)) closed();
  }

  void drop_rest() {
    buffer_.clear();
    stream_.next_layer().async_read_some(
        buffer_.prepare(kDropBytes), [self = shared_from_this()](const error_code& error, std::size_t bytes) {
          self->lingered_bytes_ += bytes;
          if (error || self->lingered_bytes_ > kLingerBytes) {
            self->forget();
          } else {
            self->drop_rest();
          }
        });
  }

  void forget() {
    linger_.clear();
    beast_close_socket(stream_.next_layer());
    core_->forget(shared_from_this());
  }

  const std::shared_ptr<ServerCore> core_;
  websocket::stream<PeerSocket, false> stream_;
  const std::shared_ptr<WebSocketPeer::State> peer_;
  boost::beast::flat_buffer buffer_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  bool accepted_ = false;
  bool writing_ = false;
  bool closing_ = false;
  bool ended_ = false;
  std::size_t lingered_bytes_ = 0;
  Deadline linger_;
};

std::shared_ptr<WebSocketSession> make_websocket_session(const std::shared_ptr<ServerCore>& core,
                                                         ServerSocket socket,
                                                         std::shared_ptr<WebSocketPeer::State>& peer) {
  peer = std::make_shared<WebSocketPeer::State>();
  auto session = std::make_shared<WebSocketSession>(core, std::move(socket), peer);
  peer->session = session;
  return session;
}

void start_websocket_session(const std::shared_ptr<WebSocketSession>& session, const ServerRequest& request) {
  session->accept(request);
}

ServerSocket give_socket_back(const std::shared_ptr<WebSocketSession>& session) {
  return session->give_back();
}

void shut_websocket_session(const std::shared_ptr<WebSocketSession>& session) { session->shut(); }

void WebSocketPeer::send_text(std::string payload) {
  if (const auto session = state_->session.lock()) session->send(std::move(payload));
}

void WebSocketPeer::close() {
  if (const auto session = state_->session.lock()) session->close();
}

void WebSocketPeer::on_message(std::function<void(std::string_view payload, bool text)> callback) {
  state_->message = std::move(callback);
}

void WebSocketPeer::on_close(std::function<void()> callback) { state_->closed = std::move(callback); }

}  // namespace moestress::net

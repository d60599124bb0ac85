#pragma once

#include <boost/asio/append.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/asio_loop.h"
#include "net/url.h"
#include "record/outcome.h"

// Internal to net: the client's side of a connection, as both the HTTP and the WebSocket client use it.
namespace moestress::net {

namespace asio = boost::asio;
using boost::system::error_code;

/// Sockets with the executor's type known, which spares each operation a type erasure.
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

/// What starting a read or write with such a token returns; spelled out, since Beast asks before it uses one.
template <class Token>
using Initiated =
    typename asio::async_result<std::decay_t<Token>, void(error_code, std::size_t)>::return_type;

/// Notes the time at which an operation completed, then goes on to its handler.
template <class Handler>
struct Stamped {
  Handler handler;
  base::TimePoint* at;
  void operator()(error_code error, std::size_t bytes) {
    *at = std::chrono::steady_clock::now();
    std::move(handler)(error, bytes);
  }
};

/// A TCP socket that remembers when the kernel last took and gave bytes. Each write is tried at once: a
/// request leaves when it is made, and its time is taken before anything else of the loop runs.
class WireSocket {
 public:
  using executor_type = Executor;
  using lowest_layer_type = Socket;

  explicit WireSocket(asio::io_context& context) : socket_(context) {}

  executor_type get_executor() { return socket_.get_executor(); }
  Socket& lowest_layer() { return socket_; }
  base::TimePoint read_at() const { return read_at_; }
  base::TimePoint written_at() const { return written_at_; }

  template <class Buffers, class Token>
  Initiated<Token> async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto&& handler, const Buffers& into) {
          using Handler = std::decay_t<decltype(handler)>;
          socket_.async_read_some(into,
                                  Stamped<Handler>{std::forward<decltype(handler)>(handler), &read_at_});
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  Initiated<Token> async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto&& handler, const Buffers& from) {
          using Handler = std::decay_t<decltype(handler)>;
          error_code error;
          const std::size_t written = socket_.write_some(from, error);
          if (error == asio::error::would_block || error == asio::error::try_again) {
            socket_.async_write_some(
                from, Stamped<Handler>{std::forward<decltype(handler)>(handler), &written_at_});
            return;
          }
          written_at_ = std::chrono::steady_clock::now();
          asio::post(get_executor(), asio::append(std::forward<decltype(handler)>(handler), error, written));
        },
        token, buffers);
  }

 private:
  Socket socket_;
  base::TimePoint read_at_{};
  base::TimePoint written_at_{};
};

/// What the connections of one client share: where they go to, the names already looked up, the TLS settings.
struct Origin {
  explicit Origin(Url origin) : url(std::move(origin)) {}
  Url url;
  std::vector<asio::ip::tcp::endpoint> endpoints;  ///< empty until the first connection has looked them up
  std::optional<asio::ssl::context> tls;           ///< made with the first secure connection
  int receive_buffer_bytes = 0;  ///< of each socket, set before it connects; 0: the system's own
};

/// Why there is no connection, or none any more.
struct Failure {
  record::Ending ending = record::Ending::Reset;
  std::string detail;
};

/// One connection to an origin, plain or TLS. Owned by an exchange's connection, which the handlers must keep
/// alive. Models Beast's AsyncStream. Loop thread only.
class ClientStream {
 public:
  using executor_type = Executor;

  ClientStream(EventLoop& loop, std::shared_ptr<Origin> origin);

  /// Looks the host up, connects and, for a secure origin, shakes hands and verifies the certificate. `done`
  /// gets nothing when the stream is ready, else why not; it isn't called after close().
  void open(std::function<void(std::optional<Failure>)> done);
  /// Closes at once; what is under way ends with an error.
  void close();
  bool closed() const { return closed_; }
  /// Says that no more will be sent, without the closing alert of TLS.
  void half_close();

  executor_type get_executor() { return wire_.get_executor(); }
  base::TimePoint read_at() const { return wire_.read_at(); }
  base::TimePoint written_at() const { return wire_.written_at(); }

  template <class Buffers, class Token>
  Initiated<Token> async_read_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
    return wire_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  Initiated<Token> async_write_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
    return wire_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  using Done = std::function<void(std::optional<Failure>)>;
  void resolve(Done done);
  void connect(Done done);
  void on_connected(error_code error, Done done);
  void shake_hands(Done done);
  base::Status prepare_tls();

  std::shared_ptr<Origin> origin_;
  WireSocket wire_;
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver_;
  std::optional<asio::ssl::stream<WireSocket&>> tls_;
  bool closed_ = false;
};

/// What an error of a read or write says, apart from an orderly end: Reset, or MalformedResponse where TLS
/// itself was broken.
Failure describe(const error_code& error);
/// Whether the peer ended the stream in an orderly way; with TLS also where it left out the closing alert.
bool is_end_of_stream(const error_code& error);
/// Whether TLS ended without its closing alert, so that the end may be forged.
bool is_tls_cut(const error_code& error);

// Beast's WebSocket ends its connection through these.
void beast_close_socket(ClientStream& stream);
void teardown(boost::beast::role_type role, ClientStream& stream, error_code& error);
template <class Handler>
void async_teardown(boost::beast::role_type role, ClientStream& stream, Handler&& handler) {
  error_code error;
  teardown(role, stream, error);
  asio::post(stream.get_executor(), asio::append(std::forward<Handler>(handler), error));
}

}  // namespace moestress::net

/// A stamped handler runs where, and with the memory that, its own handler asks for.
template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, moestress::net::Stamped<Handler>, Default>
    : Associator<Handler, Default> {
  static auto get(const moestress::net::Stamped<Handler>& stamped) noexcept {
    return Associator<Handler, Default>::get(stamped.handler);
  }
  static auto get(const moestress::net::Stamped<Handler>& stamped, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(stamped.handler, fallback);
  }
};

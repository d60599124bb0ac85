#include "net/websocket_client.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

#include "base/text.h"
#include "net/asio_stream.h"
#include "net/deadline.h"
#include "net/http_message.h"

namespace moestress::net {
namespace {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using base::TimePoint;
using record::Ending;

Failure refusal(int status) {
  const std::string detail = fmt::format("the upgrade was answered with status {}", status);
  if (status >= 500) return {Ending::Http5xx, detail};
  if (status >= 400) return {Ending::Http4xx, detail};
  return {Ending::MalformedResponse, detail};
}

/// Why the handshake failed.
Failure handshake_failure(const error_code& error, const websocket::response_type& response) {
  if (error == websocket::error::upgrade_declined) return refusal(response.result_int());
  if (error == beast::http::error::end_of_stream)
    return {Ending::Reset, "closed before any byte of the response"};
  if (error == beast::http::error::partial_message) {
    return {Ending::TruncatedStream, "the connection ended inside the answer to the upgrade"};
  }
  if (error == beast::http::error::header_limit || error == beast::http::error::body_limit ||
      error == beast::http::error::buffer_overflow) {
    return {Ending::TooLarge, "the answer to the upgrade passes the limit"};
  }
  const auto& category = error.category();
  if (category == make_error_code(websocket::error::closed).category() ||
      category == make_error_code(beast::http::error::bad_version).category()) {
    return {Ending::MalformedResponse, fmt::format("not a WebSocket handshake: {}", error.message())};
  }
  return describe(error);
}

/// How an open WebSocket ended, when its read says so.
Failure stream_end(const error_code& error, const websocket::close_reason& reason) {
  if (error == websocket::error::closed) {
    switch (reason.code) {
      case websocket::close_code::none:
      case websocket::close_code::normal:
      case websocket::close_code::going_away:
        return {Ending::Complete, ""};
      default:
        break;
    }
    return {Ending::ServerError, fmt::format("closed by the server with code {}: {}", reason.code,
                                             base::printable({reason.reason.data(), reason.reason.size()}))};
  }
  if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow) {
    return {Ending::TooLarge, "a message passes the limit"};
  }
  if (error.category() == make_error_code(websocket::error::closed).category()) {
    return {Ending::MalformedResponse, fmt::format("not WebSocket: {}", error.message())};
  }
  if (is_end_of_stream(error)) return {Ending::TruncatedStream, "the connection ended without a close frame"};
  return describe(error);
}

}  // namespace

/// The connection. Owned by the client and by its pending operations.
struct WebSocketClient::State : std::enable_shared_from_this<WebSocketClient::State> {
  enum class Phase { Connecting, Handshaking, Open, Closing, Ended };

  State(EventLoop& event_loop, const Url& url, const Timeouts& t, std::shared_ptr<WebSocketObserver> told)
      : loop(event_loop),
        timeouts(t),
        total_due(later(event_loop.now(), t.total)),
        observer(std::move(told)),
        stream(event_loop, std::make_shared<Origin>(url)),
        deadline(event_loop, [this] { on_deadline(); }) {}

  void open(const Url& url, const std::string& target, const Headers& headers) {
    limit(timeouts.connect, loop.now());
    stream.set_option(websocket::stream_base::decorator([headers](websocket::request_type& request) {
      request.set("User-Agent", "moestress");
      for (const auto& [name, value] : headers) {
        if (is_token(name)) request.set(name, one_line(value));
      }
    }));
    stream.next_layer().open([self = shared_from_this(), host = host_header(url),
                              whole_target = request_target(url, target)](std::optional<Failure> failure) {
      if (self->phase == Phase::Ended) return;
      if (failure) {
        self->end(*failure);
      } else {
        self->shake_hands(host, whole_target);
      }
    });
  }

  void shake_hands(const std::string& host, const std::string& target) {
    phase = Phase::Handshaking;
    limit(timeouts.first_byte, loop.now());
    stream.async_handshake(response, host, target, [self = shared_from_this()](const error_code& error) {
      self->on_handshake(error);
    });
  }

  void on_handshake(const error_code& error) {
    if (phase == Phase::Ended) return;
    if (error) {
      end(handshake_failure(error, response));
      return;
    }
    phase = Phase::Open;
    deadline.set(total_due);
    const auto told = observer;  // the call may destroy the client
    told->on_open();
    if (phase == Phase::Ended) return;
    read();
    write();
  }

  void read() {
    stream.async_read(
        buffer, [self = shared_from_this()](const error_code& error, std::size_t) { self->on_read(error); });
  }

  void on_read(const error_code& error) {
    if (phase == Phase::Ended) return;
    if (error) {
      // While closing, the close's own end is the one that counts; it comes next.
      if (phase != Phase::Closing || error == websocket::error::closed)
        end(stream_end(error, stream.reason()));
      return;
    }
    const TimePoint at = stream.next_layer().read_at();
    waiting = false;
    if (phase == Phase::Open) limit(timeouts.idle, at);
    const auto told = observer;
    const auto data = buffer.cdata();
    told->on_message({static_cast<const char*>(data.data()), data.size()}, stream.got_text(), at);
    buffer.consume(buffer.size());
    if (phase != Phase::Ended) read();
  }

  void write() {
    if (phase != Phase::Open || writing) return;
    if (queue.empty()) {
      if (close_asked) send_close();
      return;
    }
    writing = true;
    stream.async_write(
        asio::buffer(queue.front()),
        [self = shared_from_this()](const error_code& error, std::size_t) { self->on_written(error); });
  }

  void on_written(const error_code& error) {
    writing = false;
    if (phase == Phase::Ended || error) return;  // the pending read says why
    const TimePoint at = stream.next_layer().written_at();
    message_bytes = queue.front().size();
    queue.pop_front();
    waiting = true;
    limit(message_timeout(), at);
    const auto told = observer;
    told->on_sent(at);
    write();
  }

  void close() {
    close_asked = true;
    if (phase == Phase::Connecting || phase == Phase::Handshaking) {
      loop.post([self = shared_from_this()] { self->end({Ending::Cancelled, "closed before it was open"}); });
    } else {
      write();
    }
  }

  void send_close() {
    phase = Phase::Closing;
    limit(timeouts.connect, loop.now());
    stream.async_close(websocket::close_code::normal, [self = shared_from_this()](const error_code& error) {
      if (error) {
        self->end(stream_end(error, self->stream.reason()));
      } else {
        self->end({Ending::Complete, ""});
      }
    });
  }

  void limit(base::Duration timeout, TimePoint from) {
    deadline.set(std::min(later(from, timeout), total_due));
  }

  base::Duration message_timeout() const { return timeouts.first_byte + timeouts.reading(message_bytes); }

  void on_deadline() {
    const auto self = shared_from_this();
    if (loop.now() >= total_due) {
      end({Ending::TotalTimeout, fmt::format("not done after {} s", base::to_seconds(timeouts.total))});
    } else if (phase == Phase::Connecting) {
      end({Ending::ConnectTimeout,
           fmt::format("not connected after {} s", base::to_seconds(timeouts.connect))});
    } else if (phase == Phase::Handshaking) {
      end({Ending::FirstByteTimeout,
           fmt::format("no answer to the upgrade after {} s", base::to_seconds(timeouts.first_byte))});
    } else if (phase == Phase::Closing) {
      end({Ending::IdleTimeout,
           fmt::format("no answer to our close after {} s", base::to_seconds(timeouts.connect))});
    } else if (waiting) {
      end({Ending::FirstByteTimeout,
           fmt::format("no message after {} s", base::to_seconds(message_timeout()))});
    } else {
      end({Ending::IdleTimeout, fmt::format("silent for {} s", base::to_seconds(timeouts.idle))});
    }
  }

  void end(const Failure& how) {
    if (phase == Phase::Ended) return;
    const auto told = abandon();
    told->on_end(how.ending, how.detail, loop.now());
  }

  /// Closes the connection without telling anyone.
  std::shared_ptr<WebSocketObserver> abandon() {
    phase = Phase::Ended;
    deadline.clear();
    stream.next_layer().close();
    return std::exchange(observer, nullptr);
  }

  EventLoop& loop;
  const Timeouts timeouts;
  const TimePoint total_due;
  std::shared_ptr<WebSocketObserver> observer;
  websocket::stream<ClientStream, false> stream;
  websocket::response_type response;
  beast::flat_buffer buffer;
  std::deque<std::string> queue;
  Phase phase = Phase::Connecting;
  bool writing = false;
  bool waiting = false;           ///< something was sent, and no message came since
  std::size_t message_bytes = 0;  ///< of what was sent last
  bool close_asked = false;
  Deadline deadline;
};

WebSocketClient::WebSocketClient(EventLoop& loop, const Url& origin, const std::string& target,
                                 const Headers& headers, std::shared_ptr<WebSocketObserver> observer,
                                 Timeouts timeouts, ClientLimits limits)
    : state_(std::make_shared<State>(loop, origin, timeouts, std::move(observer))) {
  state_->stream.read_message_max(limits.body_bytes);
  state_->stream.auto_fragment(false);
  state_->stream.text(true);
  state_->open(origin, target, headers);
}

WebSocketClient::~WebSocketClient() { state_->abandon(); }

void WebSocketClient::send_text(std::string payload) {
  if (state_->close_asked || state_->phase == State::Phase::Ended) return;
  state_->queue.push_back(std::move(payload));
  state_->write();
}

void WebSocketClient::close() {
  if (!state_->close_asked) state_->close();
}

}  // namespace moestress::net

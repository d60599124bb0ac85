#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/url.h"
#include "record/outcome.h"

namespace moestress::net {

/// Told of one WebSocket as it happens, on the loop's thread, never from within WebSocketClient's own calls.
/// Times are when the kernel took or gave the bytes. May destroy the client.
class WebSocketObserver {
 public:
  virtual ~WebSocketObserver() = default;
  /// The handshake is done; send from here.
  virtual void on_open() = 0;
  virtual void on_sent(base::TimePoint) {}
  virtual void on_message(std::string_view payload, bool text, base::TimePoint at) = 0;
  /// Last call. Complete: a clean close, by either side. A close frame with an error code is ServerError, an
  /// end without one TruncatedStream, a refused upgrade Http4xx or Http5xx, a close() before on_open
  /// Cancelled; other endings as for HTTP.
  virtual void on_end(record::Ending ending, const std::string& detail, base::TimePoint at) = 0;
};

/// One WebSocket (RFC 6455), without compression. `first_byte` limits the wait for the answer to the upgrade,
/// and for a message after a send; `idle` the silence after a message. `body_bytes` limits a message. Loop
/// thread only. Destroying it closes the connection without a further call.
class WebSocketClient {
 public:
  WebSocketClient(EventLoop& loop, const Url& origin, const std::string& target, const Headers& headers,
                  std::shared_ptr<WebSocketObserver> observer, Timeouts timeouts = {},
                  ClientLimits limits = {});
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  /// Queued until the WebSocket is open and earlier messages are sent; dropped once close() was called.
  void send_text(std::string payload);
  /// Sends what is queued, then a close frame; on_end follows when the server has answered it.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace moestress::net

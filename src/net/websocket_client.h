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

class WebSocketObserver {
 public:
  virtual ~WebSocketObserver() = default;
  /// The handshake is done; send from here.
  virtual void on_open() = 0;
  virtual void on_sent(base::TimePoint) {}
  virtual void on_message(std::string_view payload, bool text, base::TimePoint at) = 0;
  /// Last call. Complete: a clean close. Other endings as for HTTP; a refused upgrade is Http4xx or Http5xx.
  virtual void on_end(record::Ending ending, const std::string& detail, base::TimePoint at) = 0;
};

/// One WebSocket (RFC 6455). Loop thread only. Destroying it closes the connection without a further call.
class WebSocketClient {
 public:
  WebSocketClient(EventLoop& loop, const Url& origin, const std::string& target, const Headers& headers,
                  std::shared_ptr<WebSocketObserver> observer, Timeouts timeouts = {},
                  ClientLimits limits = {});
  ~WebSocketClient();

  void send_text(std::string payload);
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace moestress::net

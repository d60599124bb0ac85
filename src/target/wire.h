#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/url.h"
#include "net/websocket_client.h"
#include "record/outcome.h"
#include "record/request.h"
#include "target/dialect.h"
#include "target/exchange.h"

namespace moestress::target {

/// Where requests go and in what words.
struct Address {
  net::Url url;
  Dialect dialect = Dialect::OpenAi;
  std::string model;
  std::string api_key;
  net::Timeouts timeouts;
  net::ClientLimits limits;
};

/// The half of a target that lives on the loop's thread: the clients and what is in flight. Made on any
/// thread and shared with what is posted to the loop; loop thread only, but for `in_flight`.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(net::EventLoop& loop, base::TimePoint epoch, Address address);

  /// `done` is called once, after this has returned.
  std::uint64_t send(const record::Request& request, Finished done);
  void cancel(std::uint64_t id);
  /// Ends all that is in flight as Cancelled, at once, and closes every connection.
  void shut_down();
  /// Connections with a request on them; any thread.
  std::size_t in_flight() const { return in_flight_; }

  /// Whether connections are kept and reused (the default) or each request over HTTP gets one of its own; any
  /// thread, for requests from then on.
  void reuse_connections(bool reuse) { reuse_connections_ = reuse; }

  const Address& address() const { return address_; }

 private:
  struct Open {
    std::shared_ptr<HttpExchange> http;
    std::uint64_t http_id = 0;                    ///< in the client
    std::unique_ptr<net::HttpClient> own_client;  ///< null where the shared one is used
    std::shared_ptr<WebSocketExchange> web_socket;
    std::unique_ptr<net::WebSocketClient> web_socket_client;
  };

  void send_http(std::uint64_t id, const record::Request& request, Finished done);
  void send_web_socket(std::uint64_t id, const record::Request& request, Finished done);
  void refuse(const record::Request& request, Finished done);
  void forget(std::uint64_t id);

  net::EventLoop& loop_;
  const base::TimePoint epoch_;
  const Address address_;
  std::unique_ptr<net::HttpClient> client_;  ///< made by the first request, so on the loop's thread
  std::unordered_map<std::uint64_t, Open> open_;
  std::uint64_t next_id_ = 1;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<bool> reuse_connections_{true};
};

}  // namespace moestress::target

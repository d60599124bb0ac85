#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/url.h"
#include "record/outcome.h"

namespace moestress::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Timeouts {
  base::Duration connect = std::chrono::seconds(5);
  base::Duration first_byte = std::chrono::seconds(120);  ///< from sent to the first byte of the response
  base::Duration idle = std::chrono::seconds(60);         ///< between two reads
  base::Duration total = std::chrono::minutes(60);
  /// What was asked takes this long to read for each byte of all requests in flight: added to first_byte and
  /// total, and to the first wait after the response has begun.
  base::Duration per_request_byte{0};

  base::Duration reading(std::size_t bytes) const {
    return per_request_byte * static_cast<std::int64_t>(bytes);
  }
};

struct ClientLimits {
  std::size_t header_bytes = 64 * 1024;
  std::size_t body_bytes = 64 * 1024 * 1024;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  ///< path and query; the origin's base path is put before it
  Headers headers;  ///< Host, User-Agent and Content-Length are added where these don't bring their own
  std::string body;
};

/// Told of one exchange as it happens, on the loop's thread, never from within HttpClient's own calls. Times
/// are when the kernel took or gave the bytes. May call the client, and destroy it in on_end.
class ResponseObserver {
 public:
  virtual ~ResponseObserver() = default;
  /// The last byte of the request was taken. Called again if a stale connection was replaced: the later time
  /// counts.
  virtual void on_sent(base::TimePoint) {}
  virtual void on_first_byte(base::TimePoint) {}
  virtual void on_headers(int status, const Headers& headers) = 0;
  /// A piece of the body, transfer coding removed, as it arrived. Return false to hang up.
  virtual bool on_body(std::string_view piece, base::TimePoint at) = 0;
  /// Last call. `ending` speaks of the transport only: Complete whatever the status was.
  virtual void on_end(record::Ending ending, const std::string& detail, base::TimePoint at) = 0;
};

/// HTTP/1.1 towards one origin, connections kept alive and reused, any number of exchanges at once. A reused
/// connection that turns out closed before any byte of the response is replaced once, silently. A host name
/// is looked up once. For https the server's certificate is verified against the system's authorities, or
/// those of the file that the environment's SSL_CERT_FILE names. Loop thread only.
class HttpClient {
 public:
  HttpClient(EventLoop& loop, Url origin, Timeouts timeouts = {}, ClientLimits limits = {});
  /// Closes every connection; no observer is called any more.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  std::uint64_t start(HttpRequest request, std::shared_ptr<ResponseObserver> observer);
  /// Closes the connection; the observer gets on_end(Cancelled) from the loop, soon. Nothing happens where
  /// the exchange has ended already.
  void cancel(std::uint64_t exchange);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// One exchange on a connection of its own, waiting for its end; not for measuring. Errors: Unreachable,
/// Timeout, Limit, Format. Any status is a response.
base::Result<HttpResponse> fetch(const Url& origin, const HttpRequest& request, const Timeouts& timeouts = {},
                                 const ClientLimits& limits = {});

}  // namespace moestress::net

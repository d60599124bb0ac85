#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "server/api_error.h"
#include "server/counters.h"

namespace moestress::server {

inline constexpr const char* kJsonContentType = "application/json; charset=utf-8";
inline constexpr const char* kEventStreamContentType = "text/event-stream";

/// One HTTP request on its way to its answer; counts the answer's status once. Shared by whoever may answer;
/// loop thread only. The counters outlive it.
class Exchange {
 public:
  Exchange(net::Responder responder, std::string endpoint, Counters& counters)
      : responder_(std::move(responder)), endpoint_(std::move(endpoint)), counters_(counters) {}

  void send(int status, std::string_view content_type, std::string body, const net::Headers& extra = {});
  void send_json(int status, std::string body) { send(status, kJsonContentType, std::move(body)); }
  /// With Retry-After where another try later may succeed (429, 503).
  void send_error(const ApiError& error);

  /// 200 and an event stream, if it has not been started yet.
  void start_events();
  bool streaming() const { return streaming_; }
  void write(std::string_view piece) { responder_.write(piece); }
  void finish() { responder_.finish(); }

  void on_disconnect(std::function<void()> callback);

 private:
  void count(int status);

  net::Responder responder_;
  std::string endpoint_;
  Counters& counters_;
  bool streaming_ = false;
};

}  // namespace moestress::server

#include "server/exchange.h"

#include <utility>

namespace moestress::server {

void Exchange::count(int status) { ++counters_.requests[{endpoint_, status}]; }

void Exchange::send(int status, std::string_view content_type, std::string body, const net::Headers& extra) {
  count(status);
  responder_.send(status, content_type, std::move(body), extra);
}

void Exchange::send_error(const ApiError& error) {
  net::Headers headers;
  if (error.status == 429 || error.status == 503) headers.emplace_back("Retry-After", "1");
  if (error.status == 401) headers.emplace_back("WWW-Authenticate", "Bearer");
  send(error.status, kJsonContentType, error_body(error), headers);
}

void Exchange::start_events() {
  if (streaming_) return;
  streaming_ = true;
  count(200);
  responder_.start_stream(200, kEventStreamContentType, {{"Cache-Control", "no-cache"}});
}

void Exchange::on_disconnect(std::function<void()> callback) {
  responder_.on_disconnect([&counters = counters_, callback = std::move(callback)] {
    ++counters.clients_left;
    callback();
  });
}

}  // namespace moestress::server

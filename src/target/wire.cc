#include "target/wire.h"

#include <fmt/format.h>

#include <utility>

#include "target/outcome_recorder.h"
#include "target/request_body.h"

namespace moestress::target {

using record::Ending;

Wire::Wire(net::EventLoop& loop, base::TimePoint epoch, Address address)
    : loop_(loop), epoch_(epoch), address_(std::move(address)) {}

std::uint64_t Wire::send(const record::Request& request, Finished done) {
  const std::uint64_t id = next_id_++;
  if (!has_endpoint(address_.dialect, request.endpoint)) {
    refuse(request, std::move(done));
  } else if (request.endpoint == record::Endpoint::ShimmyWebSocket) {
    send_web_socket(id, request, std::move(done));
  } else {
    send_http(id, request, std::move(done));
  }
  in_flight_ = open_.size();
  return id;
}

void Wire::send_http(std::uint64_t id, const record::Request& request, Finished done) {
  const bool reuse = reuse_connections_;
  Open& entry = open_[id];
  auto& client = reuse ? client_ : entry.own_client;
  if (!client)
    client = std::make_unique<net::HttpClient>(loop_, address_.url, address_.timeouts, address_.limits);
  entry.http = std::make_shared<HttpExchange>(
      OutcomeRecorder(request, address_.dialect, epoch_),
      [weak = weak_from_this(), id, done = std::move(done)](record::Outcome outcome) {
        if (const auto self = weak.lock()) self->forget(id);
        done(std::move(outcome));
      });
  net::HttpRequest http = build_request(address_.dialect, request, address_.model, address_.api_key);
  if (!reuse) http.headers.emplace_back("Connection", "close");
  entry.http_id = client->start(std::move(http), entry.http);
}

void Wire::send_web_socket(std::uint64_t id, const record::Request& request, Finished done) {
  Open& entry = open_[id];
  auto closed = [weak = weak_from_this(), id] {
    const auto self = weak.lock();
    if (!self) return;
    // The client says so from within itself: it dies later.
    self->loop_.post([weak, id] {
      if (const auto wire = weak.lock()) wire->forget(id);
    });
  };
  entry.web_socket = std::make_shared<WebSocketExchange>(
      OutcomeRecorder(request, address_.dialect, epoch_),
      websocket_payload(address_.dialect, request, address_.model), std::move(done), std::move(closed));
  net::Headers headers;
  if (!address_.api_key.empty()) headers.emplace_back("Authorization", "Bearer " + address_.api_key);
  entry.web_socket_client = std::make_unique<net::WebSocketClient>(
      loop_, address_.url, endpoint_path(address_.dialect, request.endpoint), headers, entry.web_socket,
      address_.timeouts, address_.limits);
  entry.web_socket->set_client(entry.web_socket_client.get());
}

void Wire::refuse(const record::Request& request, Finished done) {
  loop_.post([self = shared_from_this(), request, done = std::move(done)] {
    OutcomeRecorder recorder(request, self->address_.dialect, self->epoch_);
    const std::string why =
        fmt::format("not sent: {} has no endpoint '{}'", to_string(self->address_.dialect),
                    record::to_string(request.endpoint));
    done(recorder.finish(Ending::Cancelled, why, self->loop_.now()));
  });
}

void Wire::cancel(std::uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  if (found->second.http) {
    auto& client = found->second.own_client ? found->second.own_client : client_;
    client->cancel(found->second.http_id);  // its last call follows from the loop
    return;
  }
  // Not from within here: the caller, or the client's own callback, may be on the stack.
  const auto entry = std::make_shared<Open>(std::move(found->second));
  entry->web_socket->set_client(nullptr);
  forget(id);
  loop_.post([self = shared_from_this(), entry] {
    entry->web_socket->on_end(Ending::Cancelled, "", self->loop_.now());
    entry->web_socket_client.reset();
  });
}

void Wire::shut_down() {
  const auto ending = std::exchange(open_, {});
  in_flight_ = 0;
  const std::string why = "the target was stopped";
  for (const auto& [id, entry] : ending) {
    if (entry.http) entry.http->on_end(Ending::Cancelled, why, loop_.now());
    if (!entry.web_socket) continue;
    entry.web_socket->set_client(nullptr);
    entry.web_socket->on_end(Ending::Cancelled, why, loop_.now());
  }
  client_.reset();
}

void Wire::forget(std::uint64_t id) {
  open_.erase(id);
  in_flight_ = open_.size();
}

}  // namespace moestress::target

#include "net/asio_server.h"

namespace moestress::net {

const std::string* ServerRequest::header(std::string_view name) const { return find_header(headers, name); }

Responder::State::~State() {
  if (!open) return;
  loop->post([where = std::move(connection), which = exchange] {
    if (const auto alive = where.lock()) alive->abandoned(which);
  });
}

// Each holds the state meanwhile: finishing drops the callback of on_disconnect, which may own this very
// handle.

void Responder::send(int status, std::string_view content_type, std::string body, const Headers& extra) {
  const auto state = state_;
  if (const auto connection = state->connection.lock()) {
    connection->send(*state, status, content_type, std::move(body), extra);
  }
}

void Responder::start_stream(int status, std::string_view content_type, const Headers& extra) {
  const auto state = state_;
  if (const auto connection = state->connection.lock())
    connection->start_stream(*state, status, content_type, extra);
}

void Responder::write(std::string_view piece) {
  const auto state = state_;
  if (const auto connection = state->connection.lock()) connection->write(*state, piece);
}

void Responder::finish() {
  const auto state = state_;
  if (const auto connection = state->connection.lock()) connection->finish(*state);
}

void Responder::abort() {
  const auto state = state_;
  if (const auto connection = state->connection.lock()) connection->abort(*state);
}

void Responder::on_disconnect(std::function<void()> callback) {
  if (state_->open) {
    state_->left = std::move(callback);
  } else if (state_->gone) {
    state_->loop->post(std::move(callback));
  }
}

bool Responder::connected() const { return state_->open; }

}  // namespace moestress::net

// How a connection reads requests and lives from one to the next; what it writes is in http_answer.cc.
#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include "net/asio_server.h"

namespace moestress::net {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
/// Past the head, what may wait in the read buffer: chunk headers, and pipelined requests.
constexpr std::size_t kReadAhead = 64 * 1024;
/// A body must bring this much in each header_timeout.
constexpr std::size_t kBodyStep = 64 * 1024;

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerCore> core, ServerSocket socket)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      in_(core_->options.header_bytes + kReadAhead),
      deadline_(core_->loop, [this] { on_deadline(); }) {}

void ServerConnection::start() {
  deadline_.set(later(core_->loop.now(), core_->options.header_timeout));
  read();
}

void ServerConnection::turn_away() { reject(503, "too many connections; try again later"); }

void ServerConnection::drain() {
  keep_alive_ = false;
  if (phase_ == Phase::Reading && !parser_) close();
}

void ServerConnection::shut() {
  if (const auto state = responder_.lock()) {
    state->open = false;
    state->left = nullptr;
  }
  close();
}

void ServerConnection::read() {
  const std::size_t room = std::min(kReadBytes, in_.max_size() - in_.size());
  if (reading_ || room == 0 || phase_ == Phase::Closed) return;
  reading_ = true;
  socket_.async_read_some(in_.prepare(room),
                          [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void ServerConnection::on_read(const error_code& error, std::size_t bytes) {
  reading_ = false;
  if (phase_ == Phase::Closed) return;
  if (error) {
    leave();
    return;
  }
  in_.commit(bytes);
  if (phase_ == Phase::Lingering) {
    in_.consume(in_.size());
    lingered_bytes_ += bytes;
    if (lingered_bytes_ > kLingerBytes) close();
  } else {
    process();
  }
  read();
}

/// Parses what has come, request by request; while one is being answered the next ones wait.
void ServerConnection::process() {
  if (processing_) return;
  processing_ = true;
  while (phase_ == Phase::Reading && in_.size() > 0) {
    if (!parser_) {
      parser_.emplace(core_->options.header_bytes, core_->options.body_bytes);
      head_seen_ = false;
      deadline_.set(later(core_->loop.now(), core_->options.header_timeout));
    }
    error_code error;
    in_.consume(parser_->put(in_.data(), error));
    if (error == http::error::need_more) {
      if (in_.size() < in_.max_size()) break;
      error = http::error::header_limit;
    }
    if (error) {
      reject_parse(error);
      break;
    }
    if (!head_seen_ && parser_->is_header_done()) on_head();
    if (phase_ != Phase::Reading) break;
    on_body_progress();
    if (parser_->is_done()) dispatch();
  }
  processing_ = false;
}

void ServerConnection::on_head() {
  head_seen_ = true;
  body_mark_ = 0;
  deadline_.set(later(core_->loop.now(), core_->options.header_timeout));
  if (!parser_->objection().empty()) {
    reject(400, parser_->objection());
    return;
  }
  const std::string* const expect = find_header(parser_->request().headers, "expect");
  if (!expect || !parser_->http_1_1()) return;
  if (!equal_ignoring_case(*expect, "100-continue")) {
    reject(417, "the only expectation known is 100-continue");
  } else if (!parser_->is_done()) {
    transmit({asio::buffer("HTTP/1.1 100 Continue\r\n\r\n", 25)});
  }
}

void ServerConnection::on_body_progress() {
  const std::size_t bytes = parser_->request().body.size();
  if (bytes < body_mark_ + kBodyStep) return;
  body_mark_ = bytes;
  deadline_.set(later(core_->loop.now(), core_->options.header_timeout));
}

void ServerConnection::reject_parse(const error_code& error) {
  if (error == http::error::header_limit) {
    reject(431, fmt::format("the request's head passes {} bytes", core_->options.header_bytes));
  } else if (error == http::error::body_limit) {
    reject(413, fmt::format("the request's body passes {} bytes", core_->options.body_bytes));
  } else {
    reject(400, fmt::format("malformed request: {}", error.message()));
  }
}

void ServerConnection::reject(int status, std::string_view message) {
  phase_ = Phase::Responding;
  deadline_.clear();
  ++exchange_;
  responder_.reset();
  keep_alive_ = false;
  head_only_ = false;
  answer(status, "application/json",
         fmt::format(R"({{"error":{{"code":{},"message":"{}"}}}})", status, message), {});
}

void ServerConnection::dispatch() {
  phase_ = Phase::Responding;
  deadline_.clear();
  ++exchange_;
  const ServerRequest request = std::move(parser_->request());
  keep_alive_ = parser_->keep_alive() && !core_->draining;
  http_1_1_ = parser_->http_1_1();
  head_only_ = request.method == "HEAD";
  const std::string* const protocol = parser_->upgrade() ? request.header("upgrade") : nullptr;
  if (protocol && equal_ignoring_case(*protocol, "websocket") && core_->on_websocket) {
    upgrade(request);
    return;
  }
  const auto state = std::make_shared<Responder::State>();
  state->connection = weak_from_this();
  state->loop = &core_->loop;
  state->exchange = exchange_;
  responder_ = state;
  core_->on_request(request, Responder(state));
}

void ServerConnection::upgrade(const ServerRequest& request) {
  if (reading_ || in_.size() > 0) {
    reject(400, "an upgrade must be the last request before its answer");
    return;
  }
  std::shared_ptr<WebSocketPeer::State> peer;
  const auto session = make_websocket_session(core_, std::move(socket_), peer);
  const bool taken = core_->on_websocket(request, WebSocketPeer(peer));
  if (phase_ == Phase::Closed) return;  // the handler has ended the server
  if (!taken) {
    socket_ = give_socket_back(session);
    answer(404, "application/json", R"({"error":{"code":404,"message":"no WebSocket at this path"}})", {});
    return;
  }
  phase_ = Phase::Closed;
  core_->sessions.insert(session);
  core_->forget(shared_from_this());
  start_websocket_session(session, request);
}

/// The whole answer is with the kernel.
void ServerConnection::answer_done() {
  if (broken_ || phase_ != Phase::Responding) return;
  if (keep_alive_) {
    next_request();
  } else {
    linger();
  }
}

void ServerConnection::next_request() {
  phase_ = Phase::Reading;
  answered_ = false;
  streaming_ = false;
  parser_.reset();
  deadline_.set(later(core_->loop.now(), core_->options.idle_timeout));
  if (processing_) return;  // it goes on by itself
  // Posted, since whoever finished the answer does not expect a handler to run before that call returns.
  if (in_.size() > 0) {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      self->process();
      self->read();
    });
  }
  read();
}

void ServerConnection::linger() {
  phase_ = Phase::Lingering;
  error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  in_.consume(in_.size());
  deadline_.set(later(core_->loop.now(), kLinger));
  read();
}

void ServerConnection::fail_later() {
  broken_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->leave(); });
}

/// The client is gone, or is given up.
void ServerConnection::leave() {
  if (phase_ == Phase::Closed) return;
  const auto self = shared_from_this();
  close();
  const auto state = responder_.lock();
  if (!state || !state->open || state->exchange != exchange_) return;
  state->open = false;
  state->gone = true;
  if (const auto left = std::exchange(state->left, nullptr)) left();
}

void ServerConnection::close() {
  if (phase_ == Phase::Closed) return;
  phase_ = Phase::Closed;
  deadline_.clear();
  error_code ignored;
  socket_.close(ignored);
  core_->forget(shared_from_this());
}

void ServerConnection::on_deadline() {
  const auto self = shared_from_this();
  if (phase_ == Phase::Reading && parser_) {
    reject(408, "the request did not arrive in time");
  } else {
    leave();
  }
}

}  // namespace moestress::net

// How a connection writes answers: at once where the kernel takes them, else queued.
#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include "net/asio_server.h"

namespace moestress::net {
namespace {

bool has_no_body(int status) { return status / 100 == 1 || status == 204 || status == 304; }

/// Makes close() reset the connection instead of ending it in order.
void reset_on_close(ServerSocket& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
}

}  // namespace

bool ServerConnection::under_way(const Responder::State& state) const {
  return state.open && state.exchange == exchange_ && phase_ == Phase::Responding && !broken_;
}

void ServerConnection::send(Responder::State& state, int status, std::string_view content_type,
                            std::string body, const Headers& extra) {
  if (!under_way(state)) return;
  if (state.streaming) {  // a second answer inside the first: the client must not take it for whole
    abort(state);
    return;
  }
  state.open = false;
  state.left = nullptr;
  answer(status, content_type, body, extra);
}

void ServerConnection::answer(int status, std::string_view content_type, std::string_view body,
                              const Headers& extra) {
  const Framing framing = has_no_body(status) ? Framing::None : Framing::Length;
  const std::string head =
      response_head(status, content_type, extra, core_->date(), framing, body.size(), keep_alive_);
  const bool bare = head_only_ || framing == Framing::None;
  answered_ = true;
  transmit({asio::buffer(head), bare ? asio::const_buffer() : asio::buffer(body)});
  if (!writing_) answer_done();
}

void ServerConnection::start_stream(Responder::State& state, int status, std::string_view content_type,
                                    const Headers& extra) {
  if (!under_way(state) || state.streaming) return;
  state.streaming = true;
  streaming_ = true;
  framing_ = has_no_body(status) ? Framing::None : http_1_1_ ? Framing::Chunked : Framing::UntilClose;
  if (framing_ == Framing::UntilClose) keep_alive_ = false;
  const std::string head =
      response_head(status, content_type, extra, core_->date(), framing_, 0, keep_alive_);
  transmit({asio::buffer(head)});
}

void ServerConnection::write(Responder::State& state, std::string_view piece) {
  if (!under_way(state) || !state.streaming || piece.empty() || head_only_ || framing_ == Framing::None)
    return;
  if (framing_ == Framing::UntilClose) {
    transmit({asio::buffer(piece)});
  } else {
    char size[24];
    const auto end = fmt::format_to(size, "{:x}\r\n", piece.size());
    transmit({asio::buffer(size, static_cast<std::size_t>(end - size)), asio::buffer(piece),
              asio::buffer("\r\n", 2)});
  }
  if (!broken_ && sending_.size() - sent_ + queued_.size() > core_->options.write_buffer_bytes) {
    reset_on_close(socket_);  // a slow reader; what is queued for it is given up
    fail_later();
  }
}

void ServerConnection::finish(Responder::State& state) {
  if (!under_way(state)) return;
  state.open = false;
  state.left = nullptr;
  if (!state.streaming) {
    abandoned(state.exchange);
    return;
  }
  answered_ = true;
  if (framing_ == Framing::Chunked && !head_only_) transmit({asio::buffer("0\r\n\r\n", 5)});
  if (!writing_) answer_done();
}

void ServerConnection::abort(Responder::State& state) {
  if (!under_way(state)) return;
  state.open = false;
  state.left = nullptr;
  reset_on_close(socket_);
  close();
}

void ServerConnection::abandoned(std::uint64_t exchange) {
  if (exchange != exchange_ || phase_ != Phase::Responding || answered_ || broken_) return;
  if (streaming_) {
    reset_on_close(socket_);
    close();
    return;
  }
  keep_alive_ = false;
  answer(500, "application/json", R"({"error":{"code":500,"message":"the request was not answered"}})", {});
}

void ServerConnection::transmit(const std::array<asio::const_buffer, 3>& pieces) {
  if (broken_ || phase_ == Phase::Closed) return;
  std::size_t skip = 0;
  if (!writing_) {
    error_code error;
    skip = socket_.write_some(pieces, error);
    if (error && error != asio::error::would_block && error != asio::error::try_again) {
      fail_later();
      return;
    }
  }
  for (const asio::const_buffer& piece : pieces) {
    const std::size_t done = std::min(skip, piece.size());
    skip -= done;
    queued_.append(static_cast<const char*>(piece.data()) + done, piece.size() - done);
  }
  if (!writing_ && !queued_.empty()) write_queue();
}

void ServerConnection::write_queue() {
  writing_ = true;
  sending_.clear();
  sending_.swap(queued_);
  sent_ = 0;
  write_rest();
}

void ServerConnection::write_rest() {
  deadline_.set(later(core_->loop.now(), core_->options.idle_timeout));
  socket_.async_write_some(asio::buffer(sending_) + sent_,
                           [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                             self->on_written(error, bytes);
                           });
}

void ServerConnection::on_written(const error_code& error, std::size_t bytes) {
  if (phase_ == Phase::Closed) return;
  if (error) {
    leave();
    return;
  }
  sent_ += bytes;
  if (sent_ < sending_.size()) {
    write_rest();
    return;
  }
  sending_.clear();
  sent_ = 0;
  writing_ = false;
  if (!queued_.empty()) {
    write_queue();
    return;
  }
  if (phase_ == Phase::Responding) deadline_.clear();
  if (answered_) answer_done();
}

}  // namespace moestress::net

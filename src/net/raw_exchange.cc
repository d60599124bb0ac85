#include "net/raw_exchange.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "net/asio_stream.h"
#include "net/event_loop.h"

namespace moestress::net {
namespace {

constexpr std::size_t kReceivedMax = 16 * 1024 * 1024;

std::shared_ptr<Origin> origin_with(const Url& url, int receive_buffer) {
  auto origin = std::make_shared<Origin>(url);
  origin->receive_buffer_bytes = receive_buffer;
  return origin;
}

/// One exchange on a loop of its own, which it stops at its end. Kept by its pending operations.
class RawConnection : public std::enable_shared_from_this<RawConnection> {
 public:
  RawConnection(EventLoop& loop, const Url& origin, RawExchange exchange)
      : loop_(loop),
        exchange_(std::move(exchange)),
        stream_(loop, origin_with(origin, exchange_.pace.receive_buffer)),
        began_(loop.now()) {}

  void start() {
    timer_ = loop_.at(began_ + exchange_.patience,
                      [self = shared_from_this()] { self->end(RawEnd::TimedOut, ""); });
    stream_.open([self = shared_from_this()](std::optional<Failure> failure) {
      if (self->ended_) return;
      if (failure) {
        self->end(RawEnd::NotConnected, failure->detail);
        return;
      }
      self->begin_step();
      if (!self->ended_) self->read();
    });
  }

  RawAnswer take() { return std::move(answer_); }

 private:
  const RawStep& step() const { return exchange_.steps[answer_.step]; }
  bool is_last() const { return answer_.step + 1 == exchange_.steps.size(); }

  void begin_step() {
    step_begin_ = answer_.received.size();
    asio::async_write(stream_, asio::buffer(step().send),
                      [self = shared_from_this(), step = answer_.step](const error_code& error, std::size_t) {
                        // The pending read says what became of it: an answer may have come before the reset.
                        if (!self->ended_ && !error && self->answer_.step == step) self->on_sent();
                      });
  }

  void on_sent() {
    if (step().half_close) stream_.half_close();
    if (!step().until && !is_last()) next_step();
  }

  void next_step() {
    ++answer_.step;
    begin_step();
  }

  bool slow() const {
    const ReadPace& pace = exchange_.pace;
    return pace.bytes > 0 && (pace.hurry == nullptr || !*pace.hurry);
  }

  void read() {
    const std::size_t room = slow() ? std::min(exchange_.pace.bytes, buffer_.size()) : buffer_.size();
    stream_.async_read_some(asio::buffer(buffer_.data(), room),
                            [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                              self->on_read(error, bytes);
                            });
  }

  void on_read(const error_code& error, std::size_t bytes) {
    if (ended_) return;
    if (error) {
      if (is_end_of_stream(error)) {
        end(RawEnd::Closed, "");
      } else {
        end(RawEnd::Reset, describe(error).detail);
      }
      return;
    }
    answer_.received.append(buffer_.data(), bytes);
    if (slow()) answer_.paced_bytes += bytes;
    if (answer_.received.size() > kReceivedMax) {
      end(RawEnd::TooLarge, "");
      return;
    }
    if (step().until && step().until(std::string_view(answer_.received).substr(step_begin_))) {
      if (is_last()) {
        end(RawEnd::Enough, "");
        return;
      }
      next_step();
    }
    if (slow()) {
      loop_.at(loop_.now() + exchange_.pace.every, [self = shared_from_this()] {
        if (!self->ended_) self->read();
      });
    } else {
      read();
    }
  }

  void end(RawEnd how, const std::string& detail) {
    if (std::exchange(ended_, true)) return;
    answer_.end = how;
    answer_.detail = detail;
    answer_.took = loop_.now() - began_;
    loop_.cancel_timer(timer_);
    stream_.close();
    loop_.stop();
  }

  EventLoop& loop_;
  const RawExchange exchange_;
  ClientStream stream_;
  const base::TimePoint began_;
  std::array<char, 16 * 1024> buffer_{};
  RawAnswer answer_;
  std::size_t step_begin_ = 0;
  std::uint64_t timer_ = 0;
  bool ended_ = false;
};

}  // namespace

RawAnswer exchange_raw(const Url& origin, RawExchange exchange) {
  if (exchange.steps.empty()) exchange.steps.emplace_back();
  EventLoop loop;
  const auto connection = std::make_shared<RawConnection>(loop, origin, std::move(exchange));
  connection->start();
  loop.run();
  return connection->take();
}

}  // namespace moestress::net

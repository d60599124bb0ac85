#include "net/http_client.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>
#include <unordered_map>

#include "net/asio_parser.h"
#include "net/asio_stream.h"
#include "net/deadline.h"
#include "net/http_message.h"

namespace moestress::net {
namespace {

using base::TimePoint;
using record::Ending;

constexpr std::size_t kReadBytes = 16 * 1024;

/// One request on its way, with who is told of it.
struct Exchange {
  std::uint64_t id = 0;
  std::string head;
  std::string body;
  bool head_only = false;
  std::shared_ptr<ResponseObserver> observer;
  TimePoint total_due;
  bool may_retry = false;                        ///< on a reused connection, not yet replaced
  base::Duration reading{0};                     ///< of all that was in flight when this was sent
  std::shared_ptr<std::size_t> bytes_in_flight;  ///< of all bodies; this one's are taken off at its end

  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (bytes_in_flight) *bytes_in_flight -= body.size();
  }
};

}  // namespace

/// The pool of one client and what its connections need of it.
struct HttpClient::State : std::enable_shared_from_this<HttpClient::State> {
  class Connection;

  State(EventLoop& event_loop, Url url, const Timeouts& t, const ClientLimits& l)
      : loop(event_loop), origin(std::make_shared<Origin>(std::move(url))), timeouts(t), limits(l) {}

  void connect_for(std::shared_ptr<Exchange> exchange);

  EventLoop& loop;
  std::shared_ptr<Origin> origin;
  const Timeouts timeouts;
  const ClientLimits limits;
  std::uint64_t next_exchange = 1;
  std::shared_ptr<std::size_t> bytes_in_flight = std::make_shared<std::size_t>(0);
  std::vector<std::shared_ptr<Connection>> idle;  ///< the last one returned is taken first
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> busy;
};

/// One connection: an exchange at a time, then idle in the pool. A read is always pending, so that a server
/// which closes an idle connection is noticed. The pool and the pending operations own it.
class HttpClient::State::Connection final : public std::enable_shared_from_this<Connection>,
                                            public ResponseSink {
 public:
  explicit Connection(const std::shared_ptr<State>& state)
      : pool_(state),
        limits_(state->limits),
        timeouts_(state->timeouts),
        stream_(state->loop, state->origin),
        in_(state->limits.header_bytes + kReadBytes),
        deadline_(state->loop, [this] { on_deadline(); }) {}

  /// Connects, then sends.
  void open(std::shared_ptr<Exchange> exchange) {
    exchange_ = std::move(exchange);
    phase_ = Phase::Connecting;
    limit(timeouts_.connect, std::chrono::steady_clock::now());
    stream_.open([self = shared_from_this()](std::optional<Failure> failure) {
      if (!self->exchange_) return;
      if (failure) {
        self->end(failure->ending, failure->detail);
        return;
      }
      self->send();
      self->read();
    });
  }

  /// Sends on a connection that is open and idle.
  void reuse(std::shared_ptr<Exchange> exchange) {
    exchange_ = std::move(exchange);
    exchange_->may_retry = true;
    send();
  }

  /// Gives the exchange up without telling anyone.
  std::shared_ptr<Exchange> abandon() {
    stream_.close();
    deadline_.clear();
    phase_ = Phase::Closed;
    return std::exchange(exchange_, nullptr);
  }

 private:
  enum class Phase { Connecting, Waiting, Receiving, Idle, Closed };

  void limit(base::Duration timeout, TimePoint from) {
    deadline_.set(std::min(later(from, timeout), exchange_->total_due));
  }

  base::Duration first_byte_timeout() const { return timeouts_.first_byte + exchange_->reading; }
  /// A server may send its head before it has read the prompt.
  base::Duration idle_timeout() const {
    return timeouts_.idle + (reads_ == 1 ? exchange_->reading : base::Duration{0});
  }

  void send() {
    phase_ = Phase::Waiting;
    written_ = false;
    reads_ = 0;
    parser_.emplace(*this, limits_, exchange_->head_only);
    limit(first_byte_timeout(), std::chrono::steady_clock::now());
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(exchange_->head),
                                                    asio::buffer(exchange_->body)};
    asio::async_write(stream_, buffers,
                      [self = shared_from_this(), exchange = exchange_](
                          const error_code& error, std::size_t) { self->on_written(exchange, error); });
  }

  void on_written(const std::shared_ptr<Exchange>& exchange, const error_code& error) {
    // A write that failed says less than the pending read: the response may have come before the reset.
    if (exchange_ != exchange || error) return;
    written_ = true;
    const TimePoint at = stream_.written_at();
    if (phase_ == Phase::Waiting) limit(first_byte_timeout(), at);
    exchange->observer->on_sent(at);
  }

  void read() {
    const std::size_t room = std::min(kReadBytes, in_.max_size() - in_.size());
    stream_.async_read_some(in_.prepare(room),
                            [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                              self->on_read(error, bytes);
                            });
  }

  void on_read(const error_code& error, std::size_t bytes) {
    if (phase_ == Phase::Closed) return;
    if (!exchange_) {  // idle: the server has closed, or sent what nobody asked for
      drop();
      return;
    }
    if (error) {
      on_lost(error);
      return;
    }
    in_.commit(bytes);
    arrived_ = stream_.read_at();
    ++reads_;
    limit(idle_timeout(), arrived_);
    if (phase_ == Phase::Waiting) {
      phase_ = Phase::Receiving;
      exchange_->may_retry = false;
      exchange_->observer->on_first_byte(arrived_);
    }
    parse();
    if (phase_ != Phase::Closed) read();
  }

  /// Parses what has come. Observers may cancel, start and destroy meanwhile: `exchange_` tells.
  void parse() {
    while (exchange_ && in_.size() > 0) {
      error_code error;
      in_.consume(parser_->put(in_.data(), error));
      if (!exchange_) return;
      if (error == http::error::need_more) {
        if (in_.size() == in_.max_size()) end(Ending::TooLarge, "a line of the response passes the limit");
        return;
      }
      if (error) {
        fail_parse(error);
        return;
      }
      if (!parser_->is_done()) continue;
      if (parser_->interim()) {
        parser_.emplace(*this, limits_, exchange_->head_only);
        continue;
      }
      complete();
      return;
    }
  }

  void fail_parse(const error_code& error) {
    if (error == asio::error::operation_aborted) {
      end(Ending::Cancelled, "the observer hung up");
    } else if (error == http::error::header_limit) {
      end(Ending::TooLarge, fmt::format("the response's head passes {} bytes", limits_.header_bytes));
    } else if (error == http::error::body_limit) {
      end(Ending::TooLarge, fmt::format("the response's body passes {} bytes", limits_.body_bytes));
    } else {
      end(Ending::MalformedResponse, fmt::format("not HTTP/1.1: {}", error.message()));
    }
  }

  /// The read failed while a response was awaited.
  void on_lost(const error_code& error) {
    const bool ended = is_end_of_stream(error);
    if (phase_ == Phase::Waiting) {
      if (exchange_->may_retry && (ended || describe(error).ending == Ending::Reset)) {
        retry();
        return;
      }
      Failure failure = describe(error);
      if (ended) failure.detail = "closed before any byte of the response";
      end(failure.ending, failure.detail);
      return;
    }
    if (!ended) {
      const Failure failure = describe(error);
      end(failure.ending, failure.detail);
      return;
    }
    error_code cut = http::error::partial_message;
    if (parser_->got_some() && !is_tls_cut(error)) parser_->put_eof(cut);
    if (!exchange_) return;
    if (cut) {
      end(Ending::TruncatedStream, parser_->is_header_done()
                                       ? "the connection ended inside the response's body"
                                       : "the connection ended inside the response's head");
    } else {
      end(Ending::Complete, "");
    }
  }

  void retry() {
    const auto pool = pool_.lock();
    auto exchange = abandon();
    if (!pool) return;
    exchange->may_retry = false;
    pool->connect_for(std::move(exchange));
  }

  void complete() {
    if (parser_->status() == 101) {
      end(Ending::MalformedResponse, "the server switched protocols without being asked");
      return;
    }
    const bool reusable = parser_->keep_alive() && written_ && in_.size() == 0;
    if (!reusable) {
      end(Ending::Complete, "");
      return;
    }
    const auto pool = pool_.lock();
    const auto exchange = std::exchange(exchange_, nullptr);
    deadline_.clear();
    phase_ = Phase::Idle;
    if (!pool) return;
    pool->busy.erase(exchange->id);
    pool->idle.push_back(shared_from_this());
    exchange->observer->on_end(Ending::Complete, "", arrived_);
  }

  /// Ends the exchange and the connection.
  void end(Ending ending, const std::string& detail) {
    const auto pool = pool_.lock();
    const auto exchange = abandon();
    if (!pool) return;
    pool->busy.erase(exchange->id);
    const TimePoint at = ending == Ending::Complete ? stream_.read_at() : std::chrono::steady_clock::now();
    exchange->observer->on_end(ending, detail, at);
  }

  void drop() {
    if (const auto pool = pool_.lock()) std::erase(pool->idle, shared_from_this());
    abandon();
  }

  void on_deadline() {
    if (!exchange_) return;
    const auto self = shared_from_this();
    if (std::chrono::steady_clock::now() >= exchange_->total_due) {
      end(Ending::TotalTimeout,
          fmt::format("not done after {} s", base::to_seconds(timeouts_.total + exchange_->reading)));
    } else if (phase_ == Phase::Connecting) {
      end(Ending::ConnectTimeout,
          fmt::format("not connected after {} s", base::to_seconds(timeouts_.connect)));
    } else if (phase_ == Phase::Waiting) {
      end(Ending::FirstByteTimeout,
          fmt::format("no byte after {} s", base::to_seconds(first_byte_timeout())));
    } else {
      end(Ending::IdleTimeout, fmt::format("silent for {} s", base::to_seconds(idle_timeout())));
    }
  }

  void on_head(int status, const Headers& headers) override {
    exchange_->observer->on_headers(status, headers);
  }

  bool on_piece(std::string_view piece) override {
    // The observer may cancel from here, or have done so from on_headers.
    const auto exchange = exchange_;
    return exchange && exchange->observer->on_body(piece, arrived_) && exchange_;
  }

  const std::weak_ptr<State> pool_;
  const ClientLimits limits_;
  const Timeouts timeouts_;
  ClientStream stream_;
  boost::beast::flat_buffer in_;
  std::optional<ResponseParser> parser_;
  std::shared_ptr<Exchange> exchange_;
  TimePoint arrived_{};
  Phase phase_ = Phase::Connecting;
  bool written_ = false;
  int reads_ = 0;  ///< of the response
  Deadline deadline_;
};

void HttpClient::State::connect_for(std::shared_ptr<Exchange> exchange) {
  auto connection = std::make_shared<Connection>(shared_from_this());
  busy.insert_or_assign(exchange->id, connection);
  connection->open(std::move(exchange));
}

HttpClient::HttpClient(EventLoop& loop, Url origin, Timeouts timeouts, ClientLimits limits)
    : state_(std::make_shared<State>(loop, std::move(origin), timeouts, limits)) {}

HttpClient::~HttpClient() {
  // Each closes its socket; operations still pending keep their connection until they have noticed.
  const auto busy = std::move(state_->busy);
  const auto idle = std::move(state_->idle);
  for (const auto& [id, connection] : busy) connection->abandon();
  for (const auto& connection : idle) connection->abandon();
}

std::uint64_t HttpClient::start(HttpRequest request, std::shared_ptr<ResponseObserver> observer) {
  State& state = *state_;
  auto exchange = std::make_shared<Exchange>();
  const std::uint64_t id = state.next_exchange++;
  exchange->id = id;
  exchange->head = request_head(state.origin->url, request);
  exchange->head_only = request.method == "HEAD";
  exchange->body = std::move(request.body);
  exchange->observer = std::move(observer);
  exchange->bytes_in_flight = state.bytes_in_flight;
  *state.bytes_in_flight += exchange->body.size();
  exchange->reading = state.timeouts.reading(*state.bytes_in_flight);
  exchange->total_due = later(state.loop.now(), state.timeouts.total + exchange->reading);
  if (state.idle.empty()) {
    state.connect_for(std::move(exchange));
  } else {
    const auto connection = std::move(state.idle.back());
    state.idle.pop_back();
    state.busy.insert_or_assign(id, connection);
    connection->reuse(std::move(exchange));
  }
  return id;
}

void HttpClient::cancel(std::uint64_t exchange) {
  const auto found = state_->busy.find(exchange);
  if (found == state_->busy.end()) return;
  const auto connection = std::move(found->second);
  state_->busy.erase(found);
  auto abandoned = connection->abandon();
  state_->loop.post([state = std::weak_ptr<State>(state_), abandoned = std::move(abandoned)] {
    if (state.expired()) return;
    abandoned->observer->on_end(Ending::Cancelled, "", std::chrono::steady_clock::now());
  });
}

}  // namespace moestress::net

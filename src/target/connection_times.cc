#include "target/connection_times.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "net/event_loop.h"
#include "net/http_client.h"

namespace moestress::target {
namespace {

constexpr net::Timeouts kTimeouts{.connect = std::chrono::seconds(5),
                                  .first_byte = std::chrono::seconds(10),
                                  .idle = std::chrono::seconds(10),
                                  .total = std::chrono::seconds(20)};

std::string light_path(Dialect dialect) {
  switch (dialect) {
    case Dialect::Ollama:
      return "/api/version";
    case Dialect::OpenAi:
    case Dialect::Auto:
      return "/v1/models";
    default:
      return "/health";
  }
}

/// Asks in turn on a fresh and on the kept connection, each question after the answer to the one before.
/// Lives on its loop's thread.
class Questions {
 public:
  Questions(net::EventLoop& loop, const Address& address, std::int64_t count)
      : loop_(loop), address_(address), left_(2 * count), kept_(loop, address.url, kTimeouts) {
    times.path = light_path(address.dialect);
  }

  void ask() {
    if (left_-- == 0) {
      loop_.stop();
      return;
    }
    const bool fresh = left_ % 2 == 1;
    net::HttpRequest request;
    request.target = times.path;
    if (!address_.api_key.empty())
      request.headers.emplace_back("Authorization", "Bearer " + address_.api_key);
    if (fresh) {
      request.headers.emplace_back("Connection", "close");
      fresh_ = std::make_unique<net::HttpClient>(loop_, address_.url, kTimeouts);
    }
    (fresh ? *fresh_ : kept_).start(std::move(request), std::make_shared<Observer>(*this, fresh));
  }

  ConnectionTimes times;

 private:
  struct Observer final : net::ResponseObserver {
    Observer(Questions& asker, bool is_fresh) : questions(asker), fresh(is_fresh), began(asker.loop_.now()) {}
    void on_headers(int code, const net::Headers& headers) override {
      status = code;
      for (const auto& [name, value] : headers)
        if ((name == "connection" || name == "Connection") && value == "close" && !fresh)
          ++questions.times.kept_closed;
    }
    bool on_body(std::string_view, base::TimePoint) override { return true; }
    void on_end(record::Ending ending, const std::string& detail, base::TimePoint at) override {
      ConnectionTimes& times = questions.times;
      if (ending == record::Ending::Complete && status / 100 == 2) {
        (fresh ? times.fresh_ms : times.kept_ms).push_back(base::to_ms(at - began));
      } else {
        ++(fresh ? times.fresh_failed : times.kept_failed);
        if (times.first_failure.empty())
          times.first_failure = status != 0 ? fmt::format("status {}", status)
                                            : fmt::format("{}: {}", record::to_string(ending), detail);
      }
      // Later, since the next question may destroy the client that calls this.
      questions.loop_.post([asker = &questions] { asker->ask(); });
    }
    Questions& questions;
    const bool fresh;
    const base::TimePoint began;
    int status = 0;
  };

  net::EventLoop& loop_;
  const Address& address_;
  std::int64_t left_;
  net::HttpClient kept_;
  std::unique_ptr<net::HttpClient> fresh_;
};

}  // namespace

ConnectionTimes connection_times(const Address& address, std::int64_t count) {
  net::EventLoop loop;
  Questions questions(loop, address, count);
  loop.post([&questions] { questions.ask(); });
  loop.run();
  return std::move(questions.times);
}

}  // namespace moestress::target

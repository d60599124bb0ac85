// What moestress' own HTTP client can do on one thread: drives a server (null_server) for some seconds.
//
//   client_bench URL requests|events SECONDS CONCURRENCY
//
// "requests" asks for / on kept-alive connections, "events" for streams of 1000 server-sent events, each
// parsed. Prints requests and events a second, the latency's median and 99th percentile, and the CPU time
// that this process took.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/sse.h"
#include "net/url.h"

namespace {

using namespace moestress;

struct Totals {
  std::int64_t requests = 0;
  std::int64_t failed = 0;
  std::int64_t events = 0;
  std::int64_t body_bytes = 0;
  std::vector<base::Duration> latencies;
};

/// One user in a closed loop: each end starts the next request, until the time is over.
class User final : public net::ResponseObserver, public std::enable_shared_from_this<User> {
 public:
  User(net::HttpClient& client, Totals& totals, bool events)
      : client_(client), totals_(totals), events_(events) {}

  void start() {
    parser_ = net::SseParser();
    began_ = std::chrono::steady_clock::now();
    net::HttpRequest request;
    if (events_) request.target = "/stream?1000";
    client_.start(std::move(request), shared_from_this());
  }
  void stop() { stopped_ = true; }

  void on_headers(int, const net::Headers&) override {}
  bool on_body(std::string_view piece, base::TimePoint) override {
    totals_.body_bytes += static_cast<std::int64_t>(piece.size());
    return !events_ || parser_.feed(piece, count_);
  }
  void on_end(record::Ending ending, const std::string& detail, base::TimePoint at) override {
    if (stopped_) return;
    if (ending == record::Ending::Complete) {
      ++totals_.requests;
      totals_.latencies.push_back(at - began_);
    } else if (++totals_.failed == 1) {
      fmt::print(stderr, "{}: {}\n", record::to_string(ending), detail);
    }
    if (totals_.failed < 100) start();
  }

 private:
  net::HttpClient& client_;
  Totals& totals_;
  const bool events_;
  net::SseParser parser_;
  const net::SseParser::Dispatch count_ = [this](const net::SseEvent&) { ++totals_.events; };
  base::TimePoint began_{};
  bool stopped_ = false;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void print(Totals& totals, double seconds, double cpu) {
  std::sort(totals.latencies.begin(), totals.latencies.end());
  const auto quantile = [&](double q) {
    if (totals.latencies.empty()) return 0.0;
    return base::to_ms(
        totals.latencies[static_cast<std::size_t>(q * static_cast<double>(totals.latencies.size() - 1))]);
  };
  const auto rate = [&](std::int64_t count) { return static_cast<double>(count) / seconds; };
  fmt::print("requests {} in {:.2f} s, failed {}, body bytes {}\n", totals.requests, seconds, totals.failed,
             totals.body_bytes);
  fmt::print("requests/s {:.0f}, events/s {:.0f}\n", rate(totals.requests), rate(totals.events));
  fmt::print("latency ms p50 {:.3f} p99 {:.3f}\n", quantile(0.5), quantile(0.99));
  fmt::print("CPU s {:.2f} ({:.0f} % of a core): requests per CPU s {:.0f}, events per CPU s {:.0f}\n", cpu,
             100 * cpu / seconds, static_cast<double>(totals.requests) / cpu,
             static_cast<double>(totals.events) / cpu);
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int index) {
    const std::string_view text = argv[index];
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : 0;
  };
  const std::string_view mode = argc == 5 ? argv[2] : "";
  if ((mode != "requests" && mode != "events") || number(3) < 1 || number(4) < 1) {
    fmt::print(stderr, "usage: client_bench URL requests|events SECONDS CONCURRENCY\n");
    return 2;
  }
  const auto url = net::parse_url(argv[1]);
  if (!url) {
    fmt::print(stderr, "{}\n", url.error().message);
    return 2;
  }

  net::EventLoop loop;
  Totals totals;
  net::HttpClient client(loop, *url);
  std::vector<std::shared_ptr<User>> users;
  for (int i = 0; i < number(4); ++i) {
    users.push_back(std::make_shared<User>(client, totals, mode == "events"));
    users.back()->start();
  }
  const base::TimePoint began = loop.now();
  const double cpu_before = cpu_seconds();
  loop.at(began + std::chrono::seconds(number(3)), [&] {
    for (const auto& user : users) user->stop();
    loop.stop();
  });
  loop.run();
  print(totals, base::to_seconds(loop.now() - began), cpu_seconds() - cpu_before);
  return totals.failed == 0 ? 0 : 1;
}

#include <fmt/format.h>

#include "net/http_client.h"

namespace moestress::net {
namespace {

using base::ErrorCode;
using record::Ending;

/// Collects one response and stops the loop at its end.
class Collector final : public ResponseObserver {
 public:
  explicit Collector(EventLoop& loop) : loop_(loop) {}

  void on_headers(int status, const Headers& headers) override {
    response.status = status;
    response.headers = headers;
  }
  bool on_body(std::string_view piece, base::TimePoint) override {
    response.body += piece;
    return true;
  }
  void on_end(Ending end, const std::string& text, base::TimePoint) override {
    ending = end;
    detail = text;
    loop_.stop();
  }

  HttpResponse response;
  Ending ending = Ending::Cancelled;
  std::string detail;

 private:
  EventLoop& loop_;
};

ErrorCode error_code_of(Ending ending) {
  switch (ending) {
    case Ending::ConnectTimeout:
    case Ending::FirstByteTimeout:
    case Ending::IdleTimeout:
    case Ending::TotalTimeout:
      return ErrorCode::Timeout;
    case Ending::TooLarge:
      return ErrorCode::Limit;
    case Ending::MalformedResponse:
    case Ending::TruncatedStream:
      return ErrorCode::Format;
    default:
      return ErrorCode::Unreachable;
  }
}

}  // namespace

base::Result<HttpResponse> fetch(const Url& origin, const HttpRequest& request, const Timeouts& timeouts,
                                 const ClientLimits& limits) {
  EventLoop loop;
  const auto collector = std::make_shared<Collector>(loop);
  {
    HttpClient client(loop, origin, timeouts, limits);
    HttpRequest once = request;
    once.headers.emplace_back("Connection", "close");
    client.start(std::move(once), collector);
    loop.run();
  }
  if (collector->ending == Ending::Complete) return std::move(collector->response);
  return base::fail(error_code_of(collector->ending), "{} {}{}: {} ({})", request.method, origin.text(),
                    request.target, collector->detail, record::to_string(collector->ending));
}

}  // namespace moestress::net

// Requests and responses split anywhere are the same as whole, stay within their limits, and no byte makes
// the parsers misbehave. The loop is that of the connections: what is not consumed stays in the buffer.
#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/asio_parser.h"

namespace {

using namespace moestress::net;

constexpr std::size_t kHeadBytes = 512;
constexpr std::size_t kBodyBytes = 256;

struct Seen {
  bool done = false;
  bool failed = false;
  std::string head;
  std::string body;
  bool operator==(const Seen&) const = default;
};

struct Sink final : ResponseSink {
  void on_head(int status, const Headers& headers) override {
    CHECK(seen.head.empty());
    seen.head = std::to_string(status);
    for (const auto& [name, value] : headers) seen.head += "\n" + name + ":" + value;
  }
  bool on_piece(std::string_view piece) override {
    seen.body += piece;
    CHECK(seen.body.size() <= kBodyBytes);
    return true;
  }
  Seen seen;
};

/// Feeds `parser` in steps; sets done and failed.
template <class Parser>
void drive(Parser& parser, std::string_view bytes, std::size_t step, Seen& seen) {
  std::string buffer;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    buffer += bytes.substr(at, step);
    while (!buffer.empty()) {
      error_code error;
      const std::size_t used = parser.put(boost::asio::buffer(buffer), error);
      CHECK(used <= buffer.size());
      buffer.erase(0, used);
      if (error == http::error::need_more) break;
      seen.failed = static_cast<bool>(error);
      seen.done = !error && parser.is_done();
      if (error || parser.is_done()) return;
    }
  }
}

Seen parse_response(std::string_view bytes, std::size_t step) {
  Sink sink;
  moestress::net::ClientLimits limits;
  limits.header_bytes = kHeadBytes;
  limits.body_bytes = kBodyBytes;
  ResponseParser parser(sink, limits, false);
  drive(parser, bytes, step, sink.seen);
  if (!sink.seen.done && !sink.seen.failed && parser.got_some()) {
    error_code error;
    parser.put_eof(error);
    sink.seen.done = !error;
  }
  return sink.seen;
}

Seen parse_request(std::string_view bytes, std::size_t step) {
  RequestParser parser(kHeadBytes, kBodyBytes);
  Seen seen;
  drive(parser, bytes, step, seen);
  if (!seen.done) return seen;
  const ServerRequest& request = parser.request();
  CHECK(request.body.size() <= kBodyBytes);
  seen.head = request.method + " " + request.path + "?" + request.query + "\n" + parser.objection();
  for (const auto& [name, value] : request.headers) seen.head += "\n" + name + ":" + value;
  seen.body = request.body;
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = 1u + data[0] / 2u % 16u;
  const auto parse = data[0] % 2 == 0 ? parse_request : parse_response;
  const Seen whole = parse(bytes, bytes.size());
  for (const Seen& split : {parse(bytes, 1), parse(bytes, step)}) {
    CHECK(split.done == whole.done);
    // Where a message breaks off, how much of its body was given by then depends on the split.
    if (whole.done) CHECK(split == whole);
  }
  return 0;
}

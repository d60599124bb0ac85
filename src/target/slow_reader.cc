#include "target/slow_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "net/raw_exchange.h"
#include "target/plain_request.h"
#include "target/request_body.h"

namespace moestress::target {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";

bool is_whole(std::string_view received) {
  return received.ends_with(kLastChunk) || received.find("data: [DONE]") != std::string_view::npos;
}

const char* words_of(net::RawEnd end) {
  switch (end) {
    case net::RawEnd::TimedOut:
      return "not at its end in time";
    case net::RawEnd::NotConnected:
      return "not connected";
    case net::RawEnd::TooLarge:
      return "over 16 MiB";
    case net::RawEnd::Reset:
      return "reset by the server";
    default:
      return "closed by the server before its end";
  }
}

}  // namespace

SlowReply read_slowly(const Address& address, const record::Request& request, const SlowReading& how) {
  net::RawExchange exchange;
  exchange.patience = how.patience;
  exchange.pace = {.bytes = how.bytes, .every = how.every, .receive_buffer = 1, .hurry = how.hurry};
  exchange.steps = {{.send = plain_text(address.url, build_request(address.dialect, request, address.model,
                                                                   address.api_key)),
                     .until = is_whole}};
  const net::RawAnswer answer = net::exchange_raw(address.url, std::move(exchange));
  SlowReply reply;
  const std::string_view received = answer.received;
  if (received.size() >= 12) std::from_chars(received.data() + 9, received.data() + 12, reply.status);
  reply.slow_bytes = answer.paced_bytes;
  reply.bytes = received.size();
  reply.whole = is_whole(received);
  if (!reply.whole) reply.detail = words_of(answer.end);
  if (reply.status >= 400)
    reply.detail = base::printable(received.substr(std::min(received.find(kHeadEnd), received.size())), 120);
  return reply;
}

}  // namespace moestress::target

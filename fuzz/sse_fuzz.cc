// An event stream split anywhere gives the same events as whole, and no byte makes the parser misbehave.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/sse.h"

namespace {

constexpr std::size_t kEventBytes = 64;  // small, so that the cap is reached too

struct Seen {
  std::string events;
  bool fits = true;
  bool boundary = false;
  bool operator==(const Seen&) const = default;
};

Seen parse(std::string_view stream, std::size_t step) {
  moestress::net::SseParser parser(kEventBytes);
  Seen seen;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    seen.fits = parser.feed(stream.substr(at, step), [&](const moestress::net::SseEvent& event) {
      CHECK(!event.type.empty());
      CHECK(event.data.size() <= kEventBytes && event.id.size() <= kEventBytes);
      for (const std::string& part : {event.type, event.data, event.id}) {
        seen.events += std::to_string(part.size()) + ":" + part;
      }
    });
  }
  seen.boundary = parser.at_boundary();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Seen whole = parse(stream, stream.size() + 1);
  CHECK(parse(stream, 1) == whole);
  CHECK(parse(stream, 1u + data[0] % 16u) == whole);
  return 0;
}

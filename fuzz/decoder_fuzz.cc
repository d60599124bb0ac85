// A reply in any dialect gives the same text and the same end however its bytes are cut, and ends in exactly
// one of: an end marker, or a named fault. The first byte chooses dialect, endpoint and content type, the
// second the cut.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "target/decoder.h"

namespace {

using moestress::record::Endpoint;
using moestress::target::Dialect;

struct Kind {
  Dialect dialect;
  Endpoint endpoint;
  bool stream;
  const char* content_type;
};

constexpr std::array kKinds{
    Kind{Dialect::OpenAi, Endpoint::Chat, true, "text/event-stream"},
    Kind{Dialect::Vllm, Endpoint::Completion, true, "text/event-stream"},
    Kind{Dialect::LlamaServer, Endpoint::Chat, false, "application/json"},
    Kind{Dialect::Ollama, Endpoint::Chat, true, "application/x-ndjson"},
    Kind{Dialect::Ollama, Endpoint::Completion, false, "application/json"},
    Kind{Dialect::Shimmy, Endpoint::ShimmyGenerate, true, "text/event-stream"},
    Kind{Dialect::Shimmy, Endpoint::ShimmyGenerate, false, "application/json"},
};

struct Seen {
  std::string text;
  std::string reasoning;
  bool end_marker = false;
  int fault = -1;
  bool operator==(const Seen&) const = default;
};

Seen decode(const Kind& kind, std::string_view bytes, std::size_t step) {
  const auto decoder =
      moestress::target::make_decoder(kind.dialect, kind.endpoint, kind.stream, kind.content_type);
  Seen seen;
  const auto on_text = [&seen](std::string_view text, bool reasoning) {
    CHECK(!text.empty());
    (reasoning ? seen.reasoning : seen.text).append(text);
  };
  for (std::size_t at = 0; at < bytes.size(); at += step)
    if (!decoder->feed(bytes.substr(at, step), on_text)) break;
  decoder->end(on_text);
  const auto& reply = decoder->reply();
  CHECK(reply.end_marker || reply.fault);
  seen.end_marker = reply.end_marker;
  if (reply.fault) seen.fault = static_cast<int>(*reply.fault);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Kind& kind = kKinds[data[0] % kKinds.size()];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  CHECK(decode(kind, bytes, bytes.size() + 1) == decode(kind, bytes, data[1] + 1U));
  (void)moestress::target::error_text(bytes);
  return 0;
}

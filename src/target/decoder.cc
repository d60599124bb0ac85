#include "target/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/text.h"
#include "net/sse.h"
#include "target/reply_document.h"

namespace moestress::target {
namespace {

using record::Ending;
using record::Endpoint;

constexpr std::size_t kEventBytesMax = 4 * 1024 * 1024;  // one event, one NDJSON line, one frame
constexpr std::size_t kBodyBytesMax = 64 * 1024 * 1024;  // one whole JSON reply

/// The fault of a body that ended without saying that the reply is whole.
void end_without_marker(Reply& reply, bool inside, std::size_t pieces, std::size_t bytes,
                        std::string_view kind) {
  if (reply.end_marker || reply.fault) return;
  if (inside) {
    reply.fault = Ending::TruncatedStream;
    reply.detail = fmt::format("the body ended inside {} after {} bytes", kind, bytes);
  } else if (pieces == 0 && bytes > 0) {
    reply.fault = Ending::MalformedResponse;
    reply.detail = fmt::format("{} bytes and not {} in them", bytes, kind);
  } else {
    reply.fault = Ending::MissingEndMarker;
    reply.detail = fmt::format("the stream ended after {} bytes without its end marker", bytes);
  }
}

/// Server-sent events: JSON documents up to [DONE], or shimmy's, whose data is the token itself.
class SseDecoder final : public Decoder {
 public:
  SseDecoder(DocumentKind kind, bool raw) : kind_(kind), raw_(raw), parser_(kEventBytesMax) {}

  bool feed(std::string_view bytes, const OnText& on_text) override {
    if (reply_.fault) return false;
    bytes_ += bytes.size();
    const bool fits = parser_.feed(bytes, [&](const net::SseEvent& event) { take(event, on_text); });
    if (!fits && !reply_.fault) return fail(Ending::TooLarge, "an event of more than 4 MiB");
    return !reply_.fault;
  }

  void end(const OnText&) override {
    end_without_marker(reply_, !parser_.at_boundary(), events_, bytes_, "an event");
  }

 private:
  void take(const net::SseEvent& event, const OnText& on_text) {
    if (reply_.fault || done_) return;
    ++events_;
    if (event.type == "error") {
      fail(Ending::ServerError, error_text(event.data));
    } else if (event.data == "[DONE]") {
      done_ = true;
      reply_.end_marker = true;
    } else if (!raw_) {
      read_document(kind_, event.data, reply_, on_text);
    } else if (!event.data.empty()) {
      on_text(event.data, false);
    }
  }

  DocumentKind kind_;
  bool raw_;
  net::SseParser parser_;
  std::size_t bytes_ = 0;
  std::size_t events_ = 0;
  bool done_ = false;
};

/// One JSON document on each line, the last of them with "done":true.
class NdjsonDecoder final : public Decoder {
 public:
  bool feed(std::string_view bytes, const OnText& on_text) override {
    if (reply_.fault) return false;
    bytes_ += bytes.size();
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      line_.append(bytes.substr(0, end));
      if (line_.size() > kEventBytesMax) return fail(Ending::TooLarge, "a line of more than 4 MiB");
      if (end == std::string_view::npos) break;
      bytes.remove_prefix(end + 1);
      if (!take_line(on_text)) return false;
    }
    return true;
  }

  void end(const OnText& on_text) override {
    // A last line needs no line end if it is whole.
    if (!reply_.fault && !blank(line_)) {
      Reply before = reply_;
      if (!take_line(on_text) && reply_.fault == Ending::MalformedResponse) {
        reply_ = std::move(before);
        end_without_marker(reply_, true, lines_, bytes_, "a line");
        return;
      }
    }
    end_without_marker(reply_, false, lines_, bytes_, "a line");
  }

 private:
  static bool blank(std::string_view line) {
    return std::all_of(line.begin(), line.end(), [](unsigned char c) { return std::isspace(c) != 0; });
  }

  bool take_line(const OnText& on_text) {
    const std::string line = std::exchange(line_, {});
    if (blank(line)) return true;
    ++lines_;
    return reply_.end_marker || read_document(DocumentKind::Ollama, line, reply_, on_text);
  }

  std::string line_;
  std::size_t lines_ = 0;
  std::size_t bytes_ = 0;
};

/// One JSON document as the whole body.
class DocumentDecoder final : public Decoder {
 public:
  explicit DocumentDecoder(DocumentKind kind) : kind_(kind) {}

  bool feed(std::string_view bytes, const OnText&) override {
    if (reply_.fault) return false;
    if (body_.size() + bytes.size() > kBodyBytesMax)
      return fail(Ending::TooLarge, "a body of more than 64 MiB");
    body_.append(bytes);
    return true;
  }

  void end(const OnText& on_text) override {
    if (reply_.fault) return;
    if (body_.empty()) {
      fail(Ending::MalformedResponse, "an empty body in place of JSON");
      return;
    }
    reply_.end_marker = read_document(kind_, body_, reply_, on_text);
  }

 private:
  DocumentKind kind_;
  std::string body_;
};

/// shimmy's WebSocket: raw text frames, then {"done":true}.
class FrameDecoder final : public Decoder {
 public:
  bool feed(std::string_view bytes, const OnText& on_text) override {
    if (reply_.fault) return false;
    bytes_ += bytes.size();
    ++frames_;
    if (reply_.end_marker || bytes.empty()) return true;
    if (!read_control_frame(bytes, reply_)) on_text(bytes, false);
    return !reply_.fault;
  }

  void end(const OnText&) override { end_without_marker(reply_, false, frames_, bytes_, "a frame"); }

 private:
  std::size_t frames_ = 0;
  std::size_t bytes_ = 0;
};

bool contains_word(std::string_view text, std::string_view word) {
  const auto equal = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), equal) != text.end();
}

}  // namespace

bool Decoder::fail(Ending ending, std::string detail) {
  reply_.fault = ending;
  reply_.detail = std::move(detail);
  return false;
}

std::unique_ptr<Decoder> make_decoder(Dialect dialect, Endpoint endpoint, bool stream,
                                      std::string_view content_type) {
  if (endpoint == Endpoint::ShimmyWebSocket) return std::make_unique<FrameDecoder>();
  const bool raw = endpoint == Endpoint::ShimmyGenerate;
  const DocumentKind kind = raw                          ? DocumentKind::Shimmy
                            : dialect == Dialect::Ollama ? DocumentKind::Ollama
                                                         : DocumentKind::OpenAi;
  // Ollama's errors and single documents are a stream of one line as well.
  if (kind == DocumentKind::Ollama && stream) return std::make_unique<NdjsonDecoder>();
  if (contains_word(content_type, "text/event-stream")) return std::make_unique<SseDecoder>(kind, raw);
  if (!stream || contains_word(content_type, "application/json"))
    return std::make_unique<DocumentDecoder>(kind);
  return std::make_unique<SseDecoder>(kind, raw);
}

bool is_context_overflow(const record::Outcome& outcome) {
  if (outcome.ending != Ending::Http4xx && outcome.ending != Ending::Http5xx &&
      outcome.ending != Ending::ServerError)
    return false;
  static constexpr std::array<std::string_view, 7> kPhrases{
      "exceed_context_size_error",           // llama-server, moestress
      "exceeds the available context size",  // llama-server's text
      "context_length_exceeded",             // OpenAI
      "maximum context length",              // OpenAI, vLLM
      "maximum model length",                // vLLM's newer text
      "input length exceeds",                // Ollama: "the input length exceeds the context length"
      "context length exceeded",
  };
  return std::any_of(kPhrases.begin(), kPhrases.end(),
                     [&](std::string_view phrase) { return contains_word(outcome.detail, phrase); });
}

}  // namespace moestress::target

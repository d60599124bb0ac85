#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/outcome.h"
#include "record/request.h"
#include "target/dialect.h"

namespace moestress::target {

/// What the bytes of a reply amounted to.
struct Reply {
  bool end_marker = false;  ///< [DONE], done:true, or the whole JSON body
  /// MalformedResponse, TruncatedStream, MissingEndMarker, ServerError or TooLarge; absent while nothing is
  /// wrong.
  std::optional<record::Ending> fault;
  std::string detail;  ///< of the fault: the server's own words where it sent any
  std::string finish_reason;
  std::vector<record::TokenChoice> choices;  ///< where log probabilities were asked for and told
  record::ServerClaims claims;
};

/// Turns the bytes of one reply into text. Pure: no clock, no socket. One owner, one thread. Whatever bytes
/// it is given, it ends in a Reply; it never throws.
class Decoder {
 public:
  /// `reasoning`: the server marked this part as reasoning, not answer. `text` is never empty and may hold
  /// part of a character.
  using OnText = std::function<void(std::string_view text, bool reasoning)>;

  virtual ~Decoder() = default;
  /// Body bytes, cut anywhere; for a WebSocket one whole message. False once nothing further can be made of
  /// them.
  virtual bool feed(std::string_view bytes, const OnText& on_text) = 0;
  /// The body has ended as its transport allows.
  virtual void end(const OnText& on_text) = 0;
  const Reply& reply() const { return reply_; }

 protected:
  bool fail(record::Ending ending, std::string detail);
  Reply reply_;
};

/// The decoder for what `endpoint` of `dialect` answers with status 2xx. A stream that was asked for and came
/// as one JSON object (by `content_type`) is decoded as that.
std::unique_ptr<Decoder> make_decoder(Dialect dialect, record::Endpoint endpoint, bool stream,
                                      std::string_view content_type);

/// The server's own words in an error body: OpenAI's {"error":{"message","type"}}, {"error":"…"},
/// {"detail":"…"} or {"message":"…"}, otherwise the body itself; printable and cut.
std::string error_text(std::string_view body);

/// Whether an error says that the prompt does not fit the context: llama-server's exceed_context_size_error,
/// OpenAI's context_length_exceeded, and how vLLM, Ollama, shimmy and moestress put it.
bool is_context_overflow(const record::Outcome& outcome);

}  // namespace moestress::target

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "record/request.h"

namespace moestress::record {

/// Each way for a request to end. A failed request is data.
enum class Ending : std::uint8_t {
  Complete,
  Refused,  ///< connection refused
  Reset,    ///< connection reset or closed before any answer
  ConnectTimeout,
  FirstByteTimeout,  ///< connected and sent, no byte came
  IdleTimeout,       ///< the stream fell silent
  TotalTimeout,
  MalformedResponse,  ///< not HTTP, not JSON, not SSE, not a WebSocket frame
  TruncatedStream,    ///< the connection ended inside a chunk, an event or a frame
  MissingEndMarker,   ///< the stream ended without [DONE], done:true or finish_reason
  Http4xx,
  Http5xx,
  ServerError,  ///< an error object inside a 200 stream
  TooLarge,     ///< passed our byte cap
  Cancelled,    ///< by us: the schedule ended or the run was interrupted
};

const char* to_string(Ending ending);

/// A piece of text as it arrived. `at` is an offset from the run's first instant.
struct Chunk {
  base::Duration at{0};
  std::string text;
};

/// What the server said of itself; absent where it did not. Compared with our own figures, never used for
/// them.
struct ServerClaims {
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
  std::optional<double> prompt_ms;
  std::optional<double> decode_ms;
  std::optional<std::int64_t> cached_prompt_tokens = {};  ///< of the prompt, kept from earlier ones
};

/// One token of a reply as the server reports it where log probabilities were asked for.
struct TokenChoice {
  std::string text;                   ///< its bytes; may be part of a character
  double logprob = 0;                 ///< natural logarithm
  std::optional<double> margin_nats;  ///< its log probability less that of the best other token, where told
};

/// What became of a request. All times are offsets from the run's first instant; -1 ns where it never
/// happened.
struct Outcome {
  base::RequestId request;
  base::SessionId session;
  Endpoint endpoint = Endpoint::Chat;
  std::string label;

  Ending ending = Ending::Complete;
  std::string detail;   ///< for people: the server's error text, the system's message
  int http_status = 0;  ///< 0 where none was received
  std::string finish_reason;

  base::Duration planned{-1};     ///< when the schedule wanted it sent
  base::Duration sent{-1};        ///< when its last byte was handed to the kernel
  base::Duration first_byte{-1};  ///< of the response
  base::Duration first_text{-1};  ///< first chunk with text
  base::Duration last_text{-1};
  base::Duration done{-1};

  std::vector<Chunk> chunks;  ///< in order of arrival, only those with text
  std::string text;           ///< all chunks joined
  std::size_t reasoning_bytes =
      0;  ///< how much of the front of `text` the server marked as reasoning, not answer
  std::vector<TokenChoice> choices;  ///< in order; empty unless asked for and told
  ServerClaims claims;
  std::int64_t prompt_tokens = -1;      ///< by the model's own tokenizer; -1 where not counted
  std::int64_t completion_tokens = -1;  ///< by the model's own tokenizer; -1 where not counted

  bool ok() const { return ending == Ending::Complete; }
};

}  // namespace moestress::record

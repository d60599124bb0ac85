#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "record/request.h"
#include "target/dialect.h"
#include "target/wire.h"

namespace moestress::target {

/// What a broken or hostile client sends.
enum class Misuse : std::uint8_t {
  // Bodies, to each endpoint that takes one.
  BadJson,
  EmptyBody,
  NotAnObject,
  WrongType,     ///< messages, or the prompt, is an object; max_tokens a word
  MissingInput,  ///< neither messages nor prompt
  NegativeTokens,
  HugeTokens,   ///< max_tokens of 10^15
  InvalidUtf8,  ///< in a string
  DeepJson,     ///< arrays nested 100,000 levels deep
  HugeBody,     ///< 12 MiB of prose, as a well-formed request
  // What is wrong is the HTTP around it.
  UnknownEndpoint,
  WrongMethod,
  BadLength,  ///< Content-Length is a word
  CutShort,   ///< fewer bytes than announced, then no more
  BadChunk,   ///< a chunk whose size is no number
  NotHttp,
  HugeHeader,  ///< 1 MiB
  // To the WebSocket.
  SocketWithoutKey,  ///< an upgrade that lacks Sec-WebSocket-Key
  SocketBadJson,
  SocketMissingInput,
  SocketBinary,        ///< a binary frame of no text
  SocketGarbage,       ///< bytes that are no frame
  SocketOversized,     ///< a frame that announces 1 TiB
  SocketCloseUnasked,  ///< opened and closed without a request
};

inline constexpr std::array kMisuses{
    Misuse::BadJson,      Misuse::EmptyBody,        Misuse::NotAnObject,     Misuse::WrongType,
    Misuse::MissingInput, Misuse::NegativeTokens,   Misuse::HugeTokens,      Misuse::InvalidUtf8,
    Misuse::DeepJson,     Misuse::HugeBody,         Misuse::UnknownEndpoint, Misuse::WrongMethod,
    Misuse::BadLength,    Misuse::CutShort,         Misuse::BadChunk,        Misuse::NotHttp,
    Misuse::HugeHeader,   Misuse::SocketWithoutKey, Misuse::SocketBadJson,   Misuse::SocketMissingInput,
    Misuse::SocketBinary, Misuse::SocketGarbage,    Misuse::SocketOversized, Misuse::SocketCloseUnasked};

const char* to_string(Misuse misuse);  ///< "bad JSON", "huge header", …
bool is_for_web_socket(Misuse misuse);
/// Whether it is a body, so that every endpoint over HTTP can be sent it.
bool is_body(Misuse misuse);

enum class MisuseEnding : std::uint8_t {
  Refused,       ///< status 3xx or 4xx; a WebSocket's error message, or close with an error code
  ServerError,   ///< status 5xx
  Accepted,      ///< status 1xx or 2xx; a WebSocket's message that is no error
  Closed,        ///< without an answer, or after bytes that are no HTTP
  Hung,          ///< neither answered nor closed within the patience
  NotConnected,  ///< no connection came about
};
const char* to_string(MisuseEnding ending);

struct MisuseResult {
  int status = 0;  ///< of HTTP; 0 where none came
  MisuseEnding ending = MisuseEnding::NotConnected;
  base::Duration took{0};
  std::string detail;  ///< the server's words, printable and cut
};

/// Does it once, on a connection of its own, to `endpoint` where it is a body (else to the chat endpoint or
/// the WebSocket). Waits; hangs up once the answer's head, or the WebSocket's first message, is there.
MisuseResult misuse(const Address& address, Misuse kind, record::Endpoint endpoint, base::Duration patience);

/// What is wrong with how the server took it; absent where nothing is. Refusing is always right. Closing is
/// where the bytes are no sound HTTP, or too many. Accepting is only for what can be read in a sensible way:
/// a count of tokens out of range, a long text, a large header, ill-formed UTF-8.
std::optional<std::string> objection(Misuse kind, const MisuseResult& result);

}  // namespace moestress::target

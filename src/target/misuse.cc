#include "target/misuse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "net/raw_exchange.h"
#include "target/decoder.h"
#include "target/plain_request.h"

namespace moestress::target {
namespace {

using record::Endpoint;

constexpr std::size_t kHugeBodyBytes = 12 * 1024 * 1024;
constexpr std::size_t kHugeHeaderBytes = 1024 * 1024;
constexpr int kDeepLevels = 100'000;
constexpr int kTextFrame = 1, kBinaryFrame = 2, kCloseFrame = 8;

enum class Closing : std::uint8_t { Wrong, Fine };
enum class Accepting : std::uint8_t { Wrong, Fine };

struct Kind {
  Misuse misuse;
  const char* name;
  Closing closing;
  Accepting accepting;
};

constexpr std::array kKinds{
    Kind{Misuse::BadJson, "bad JSON", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::EmptyBody, "empty body", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::NotAnObject, "JSON but no object", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::WrongType, "wrong types", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::MissingInput, "missing messages or prompt", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::NegativeTokens, "negative max_tokens", Closing::Wrong, Accepting::Fine},
    Kind{Misuse::HugeTokens, "huge max_tokens", Closing::Wrong, Accepting::Fine},
    Kind{Misuse::InvalidUtf8, "invalid UTF-8", Closing::Wrong, Accepting::Fine},
    Kind{Misuse::DeepJson, "deeply nested JSON", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::HugeBody, "body of 12 MiB", Closing::Fine, Accepting::Fine},
    Kind{Misuse::UnknownEndpoint, "unknown endpoint", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::WrongMethod, "wrong method", Closing::Wrong, Accepting::Wrong},
    Kind{Misuse::BadLength, "bad content length", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::CutShort, "body cut short", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::BadChunk, "bad chunk size", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::NotHttp, "not HTTP", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::HugeHeader, "header of 1 MiB", Closing::Fine, Accepting::Fine},
    Kind{Misuse::SocketWithoutKey, "WebSocket: upgrade without a key", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::SocketBadJson, "WebSocket: bad JSON", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::SocketMissingInput, "WebSocket: missing prompt", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::SocketBinary, "WebSocket: binary frame", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::SocketGarbage, "WebSocket: no frame", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::SocketOversized, "WebSocket: frame of 1 TiB", Closing::Fine, Accepting::Wrong},
    Kind{Misuse::SocketCloseUnasked, "WebSocket: closed without a request", Closing::Fine, Accepting::Wrong}};

const Kind& kind_of(Misuse misuse) {
  return *std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.misuse == misuse; });
}

/// The beginning of an object that names the model.
std::string model_field(const Address& address) {
  const nlohmann::json name = address.model;
  return "{\"model\":" + name.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + ",";
}

/// "messages" or "prompt" with its value, a piece of JSON.
std::string input(Endpoint endpoint, const std::string& text) {
  return endpoint == Endpoint::Chat ? fmt::format(R"("messages":[{{"role":"user","content":"{}"}}])", text)
                                    : fmt::format(R"("prompt":"{}")", text);
}

/// The value of another type where the input should be.
std::string wrong_input(Endpoint endpoint, std::string_view value) {
  return fmt::format(R"("{}":{})", endpoint == Endpoint::Chat ? "messages" : "prompt", value);
}

std::string prose(std::size_t bytes) {
  constexpr std::string_view kSentence = "The quick brown fox jumps over the lazy dog. ";
  std::string text;
  text.reserve(bytes + kSentence.size());
  while (text.size() < bytes) text += kSentence;
  return text;
}

/// A body of the kind; what follows the model's name. All that may be accepted asks for a stream, so that its
/// status comes early.
std::string body_rest(Misuse kind, Endpoint endpoint) {
  switch (kind) {
    case Misuse::WrongType:
      return wrong_input(endpoint, R"({"a":1},"max_tokens":"many"})");
    case Misuse::MissingInput:
      return R"("max_tokens":4})";
    case Misuse::NegativeTokens:
      return input(endpoint, "Hello") + R"(,"stream":true,"max_tokens":-5})";
    case Misuse::HugeTokens:
      return input(endpoint, "Hello") + R"(,"stream":true,"max_tokens":1000000000000000})";
    case Misuse::InvalidUtf8:
      return input(endpoint, "Hello \xc3\x28 \xff\xfe") + R"(,"stream":true,"max_tokens":4})";
    case Misuse::DeepJson:
      return wrong_input(endpoint, std::string(kDeepLevels, '[') + std::string(kDeepLevels, ']')) + "}";
    case Misuse::HugeBody:
      return input(endpoint, prose(kHugeBodyBytes)) + R"(,"stream":true,"max_tokens":4})";
    default:
      return input(endpoint, "Hello") + R"(,"stream":true,"max_tokens":4})";
  }
}

std::string body(Misuse kind, const Address& address, Endpoint endpoint) {
  if (kind == Misuse::EmptyBody) return "";
  if (kind == Misuse::NotAnObject) return "[1,2,3]";
  if (kind == Misuse::BadJson) return model_field(address) + R"("messages":[{"role":)";
  return model_field(address) + body_rest(kind, endpoint);
}

std::string head(const Address& address, std::string_view method, const std::string& path,
                 const std::string& more) {
  const net::Url& url = address.url;
  const std::string key =
      address.api_key.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", address.api_key);
  return fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: moestress\r\n{}{}\r\n", method, url.path,
                     path, host_and_port(url), key, more);
}

std::string sized(std::size_t bytes) {
  return fmt::format("Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n", bytes);
}

struct Status {
  int code = 0;
  std::string_view text;  ///< of the body, as far as it is there
};

/// The status of the first answer that isn't an interim one; absent while it is not all there.
std::optional<Status> status_of(std::string_view received) {
  for (;;) {
    const auto end = received.find("\r\n\r\n");
    if (end == std::string_view::npos || !received.starts_with("HTTP/1.")) return std::nullopt;
    int code = 0;
    const auto line = received.substr(0, end);
    if (line.size() >= 12) std::from_chars(line.data() + 9, line.data() + 12, code);
    received.remove_prefix(end + 4);
    if (code / 100 != 1 || code == 101) return Status{code, received};
  }
}

bool has_status(std::string_view received) { return status_of(received).has_value(); }

struct Frame {
  int opcode = 0;
  std::string_view payload;
};

/// The first frame of a server that is a message or a close; absent while it is not all there.
std::optional<Frame> first_frame(std::string_view bytes) {
  while (bytes.size() >= 2) {
    const int opcode = bytes[0] & 0x0f;
    std::uint64_t size = static_cast<unsigned char>(bytes[1]) & 0x7fU;
    std::size_t at = 2;
    const std::size_t extended = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (extended > 0) {
      if (bytes.size() < at + extended) return std::nullopt;
      size = 0;
      for (std::size_t i = 0; i < extended; ++i) size = size << 8U | static_cast<unsigned char>(bytes[at++]);
    }
    if (size > bytes.size() - at) return std::nullopt;
    if (opcode <= kBinaryFrame || opcode == kCloseFrame)
      return Frame{opcode, bytes.substr(at, static_cast<std::size_t>(size))};
    bytes.remove_prefix(at + static_cast<std::size_t>(size));
  }
  return std::nullopt;
}

/// A client's frame of fewer than 126 bytes. Masked with zeros, which leave the payload as it is (RFC 6455,
/// 5.3).
std::string client_frame(int opcode, std::string_view payload) {
  std::string out{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | payload.size())};
  out.append(4, '\0');
  return out.append(payload);
}

std::string socket_bytes(Misuse kind) {
  switch (kind) {
    case Misuse::SocketBadJson:
      return client_frame(kTextFrame, R"({"prompt": "Hello)");
    case Misuse::SocketMissingInput:
      return client_frame(kTextFrame, R"({"max_tokens":4})");
    case Misuse::SocketBinary:
      return client_frame(kBinaryFrame, std::string("\0\x01\xff\xfe\x80", 5));
    case Misuse::SocketGarbage:
      return std::string(64, '\xff');  // reserved bits, an opcode that there isn't, a control frame too long
    case Misuse::SocketOversized: {
      std::string frame{static_cast<char>(0x80 | kTextFrame), static_cast<char>(0x80 | 127)};
      for (int i = 7; i >= 0; --i) frame += static_cast<char>((std::uint64_t{1} << 40U) >> (8 * i) & 0xffU);
      return frame.append(4, '\0').append(64 * 1024, 'x');
    }
    default:
      return client_frame(kCloseFrame, std::string("\x03\xe8", 2));  // 1000: normal
  }
}

std::string upgrade(const Address& address, bool with_key) {
  return head(address, "GET", endpoint_path(address.dialect, Endpoint::ShimmyWebSocket),
              fmt::format("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{}",
                          with_key ? "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" : ""));
}

/// The one step over plain HTTP.
net::RawStep http_step(const Address& address, Misuse kind, Endpoint endpoint) {
  const std::string path = endpoint_path(address.dialect, endpoint);
  const std::string json = "Content-Type: application/json\r\nConnection: close\r\n";
  const std::string text = body(kind, address, endpoint);
  net::RawStep step{.send = {}, .until = has_status};
  switch (kind) {
    case Misuse::UnknownEndpoint:
      step.send = head(address, "POST", "/v1/no/such/endpoint", sized(text.size())) + text;
      break;
    case Misuse::WrongMethod:
      step.send = head(address, "DELETE", path, sized(text.size())) + text;
      break;
    case Misuse::BadLength:
      step.send = head(address, "POST", path, json + "Content-Length: twelve\r\n") + text;
      break;
    case Misuse::CutShort:
      step.send = head(address, "POST", path, sized(text.size() + 100)) + text;
      step.half_close = true;
      break;
    case Misuse::BadChunk:
      step.send =
          head(address, "POST", path, json + "Transfer-Encoding: chunked\r\n") + "zz\r\n" + text + "\r\n";
      break;
    case Misuse::NotHttp:
      step.send = std::string("\x16\x03\x01 this is no HTTP \xff\xfe\r\n\r\n");
      break;
    case Misuse::HugeHeader:
      step.send =
          head(address, "POST", path,
               fmt::format("X-Filler: {}\r\n", std::string(kHugeHeaderBytes, 'a')) + sized(text.size())) +
          text;
      break;
    case Misuse::SocketWithoutKey:
      step.send = upgrade(address, false);
      break;
    default:
      step.send = head(address, "POST", path, sized(text.size())) + text;
  }
  return step;
}

MisuseEnding ending_without_answer(const net::RawAnswer& answer) {
  switch (answer.end) {
    case net::RawEnd::NotConnected:
      return MisuseEnding::NotConnected;
    case net::RawEnd::TimedOut:
      return MisuseEnding::Hung;
    default:
      return MisuseEnding::Closed;
  }
}

/// What the frames after a WebSocket's opening say.
void read_frames(std::string_view frames, const net::RawAnswer& answer, MisuseResult& result) {
  const auto frame = first_frame(frames);
  if (!frame) {
    result.ending = ending_without_answer(answer);
    return;
  }
  result.detail = base::printable(frame->payload, 120);
  if (frame->opcode == kCloseFrame) {
    const int code = frame->payload.size() < 2 ? 0
                                               : static_cast<unsigned char>(frame->payload[0]) << 8 |
                                                     static_cast<unsigned char>(frame->payload[1]);
    result.ending = code > 1001 ? MisuseEnding::Refused : MisuseEnding::Closed;
    result.detail = code == 0 ? "closed" : fmt::format("closed with code {}", code);
  } else {
    result.ending = frame->payload.find("\"error\"") != std::string_view::npos ? MisuseEnding::Refused
                                                                               : MisuseEnding::Accepted;
  }
}

}  // namespace

const char* to_string(Misuse misuse) { return kind_of(misuse).name; }

bool is_for_web_socket(Misuse misuse) { return misuse >= Misuse::SocketWithoutKey; }

bool is_body(Misuse misuse) { return misuse < Misuse::UnknownEndpoint; }

const char* to_string(MisuseEnding ending) {
  switch (ending) {
    case MisuseEnding::Refused:
      return "refused";
    case MisuseEnding::ServerError:
      return "server error";
    case MisuseEnding::Accepted:
      return "accepted";
    case MisuseEnding::Closed:
      return "closed";
    case MisuseEnding::Hung:
      return "hung";
    case MisuseEnding::NotConnected:
      return "not connected";
  }
  return "unknown";
}

MisuseResult misuse(const Address& address, Misuse kind, Endpoint endpoint, base::Duration patience) {
  net::RawExchange exchange;
  exchange.patience = patience;
  const bool socket = is_for_web_socket(kind) && kind != Misuse::SocketWithoutKey;
  if (socket) {
    exchange.steps = {{.send = upgrade(address, true), .until = has_status},
                      {.send = socket_bytes(kind),
                       .until = [](std::string_view received) { return first_frame(received).has_value(); }}};
  } else {
    exchange.steps = {http_step(address, kind, is_body(kind) ? endpoint : Endpoint::Chat)};
  }
  const net::RawAnswer answer = net::exchange_raw(address.url, std::move(exchange));
  MisuseResult result;
  result.took = answer.took;
  result.detail = base::printable(answer.detail, 120);
  const auto status = status_of(answer.received);
  if (!status) {
    result.ending = ending_without_answer(answer);
    if (!answer.received.empty()) result.detail = base::printable(answer.received, 120);
    return result;
  }
  result.status = status->code;
  result.detail = error_text(status->text);
  if (socket && status->code == 101) {
    read_frames(status->text, answer, result);
  } else if (status->code >= 500) {
    result.ending = MisuseEnding::ServerError;
  } else {
    result.ending = status->code >= 300 ? MisuseEnding::Refused : MisuseEnding::Accepted;
  }
  return result;
}

std::optional<std::string> objection(Misuse kind, const MisuseResult& result) {
  const std::string said = result.detail.empty() ? "" : fmt::format(" ({})", result.detail);
  switch (result.ending) {
    case MisuseEnding::Refused:
      return std::nullopt;
    case MisuseEnding::ServerError:
      return fmt::format("was answered with status {}{}, not with 4xx", result.status, said);
    case MisuseEnding::Accepted:
      if (kind_of(kind).accepting == Accepting::Fine) return std::nullopt;
      return result.status == 101 ? "was accepted" + said
                                  : fmt::format("was accepted with status {}", result.status);
    case MisuseEnding::Closed:
      if (kind_of(kind).closing == Closing::Fine) return std::nullopt;
      return "was answered by closing the connection" + said;
    case MisuseEnding::Hung:
      return fmt::format("got neither answer nor close in {:.1f} s", base::to_seconds(result.took));
    case MisuseEnding::NotConnected:
      return "found no server to connect to" + said;
  }
  return std::nullopt;
}

}  // namespace moestress::target

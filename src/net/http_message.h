#pragma once

#include <string>
#include <string_view>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/url.h"

// Internal to net: the text of HTTP/1.1 messages, without any socket.
namespace moestress::net {

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);
/// The first header of that name, or nullptr.
const std::string* find_header(const Headers& headers, std::string_view name);

/// A header's name must be a token (RFC 9110, 5.6.2).
bool is_token(std::string_view text);
/// `value` with line breaks and other control characters turned into spaces, so that it can't break the
/// framing.
std::string one_line(std::string_view value);
/// Base path and target, with spaces and control characters percent-encoded.
std::string request_target(const Url& origin, std::string_view target);
/// What Host says: the port only where it isn't the scheme's own.
std::string host_header(const Url& origin);

/// Request line and headers with the empty line. Host, User-Agent and Content-Length are added where
/// `request` does not bring its own. What would break the framing is defused: line breaks in a header become
/// spaces, spaces and control characters in the target are percent-encoded.
std::string request_head(const Url& origin, const HttpRequest& request);

/// How the body of a response is delimited.
enum class Framing { Length, Chunked, UntilClose, None };

/// Status line and headers with the empty line; `date` is the value of Date. With Framing::Length
/// `body_bytes` is announced.
std::string response_head(int status, std::string_view content_type, const Headers& extra,
                          std::string_view date, Framing framing, std::size_t body_bytes, bool keep_alive);

std::string_view reason_phrase(int status);

/// Splits a request's target into path and query; takes "/path?query", "http://host/path?query" and "*".
bool split_target(std::string_view target, ServerRequest& request);

}  // namespace moestress::net

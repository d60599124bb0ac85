#include "net/url.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace moestress::net {
namespace {

using base::ErrorCode;
using base::fail;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::uint16_t default_port(std::string_view scheme) {
  return scheme == "https" || scheme == "wss" ? 443 : 80;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_ipv6_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.' || c == '%';
}

/// Splits "host:port" or "[v6]:port" into `url`; without a port the scheme's own stays.
base::Status parse_authority(std::string_view authority, const std::string& shown, Url& url) {
  std::string_view port;
  bool has_port = false;
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) {
      return fail(ErrorCode::Usage, "URL '{}': the '[' of the address is not closed", shown);
    }
    url.host = lowered(authority.substr(1, close - 1));
    const std::string_view rest = authority.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') {
      return fail(ErrorCode::Usage, "URL '{}': only a port may follow the ']' of the address", shown);
    }
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
    if (url.host.find(':') == std::string::npos ||
        !std::all_of(url.host.begin(), url.host.end(), is_ipv6_character)) {
      return fail(ErrorCode::Usage, "URL '{}': not an IPv6 address between the brackets", shown);
    }
  } else {
    const auto colon = authority.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
    url.host = lowered(authority.substr(0, colon));
    if (port.find(':') != std::string_view::npos) {
      return fail(ErrorCode::Usage, "URL '{}': write an IPv6 address in brackets, as http://[::1]:8080",
                  shown);
    }
    if (url.host.empty()) return fail(ErrorCode::Usage, "URL '{}': no host; write http://HOST:PORT", shown);
    if (!std::all_of(url.host.begin(), url.host.end(), is_host_character)) {
      return fail(ErrorCode::Usage, "URL '{}': the host holds a character that no host name has", shown);
    }
  }
  if (!has_port) return {};
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || error == std::errc::invalid_argument ||
      (error == std::errc{} && end != port.data() + port.size())) {
    return fail(ErrorCode::Usage, "URL '{}': the port is not a number", shown);
  }
  if (error != std::errc{} || number < 1 || number > 65535) {
    return fail(ErrorCode::Usage, "URL '{}': port out of range; it is 1 to 65535", shown);
  }
  url.port = static_cast<std::uint16_t>(number);
  return {};
}

}  // namespace

std::string Url::text() const {
  const bool bracketed = host.find(':') != std::string::npos;
  std::string out = scheme + "://";
  out += bracketed ? "[" + host + "]" : host;
  if (port != default_port(scheme)) out += ":" + std::to_string(port);
  return out + path;
}

base::Result<Url> parse_url(std::string_view text) {
  // Credentials must not reach a terminal or a log, so nothing past an '@' is shown.
  const auto at = text.find('@');
  const std::string shown =
      base::printable(at == std::string_view::npos ? text : "…" + std::string(text.substr(at)), 200);

  const auto separator = text.find("://");
  if (separator == std::string_view::npos) {
    return fail(ErrorCode::Usage, "URL '{}': no scheme; write http://{}", shown,
                shown.empty() ? "HOST:PORT" : shown);
  }
  Url url;
  url.scheme = lowered(text.substr(0, separator));
  if (url.scheme != "http" && url.scheme != "https" && url.scheme != "ws" && url.scheme != "wss") {
    return fail(ErrorCode::Usage, "URL '{}': the scheme must be http, https, ws or wss", shown);
  }
  url.port = default_port(url.scheme);

  const std::string_view rest = text.substr(separator + 3);
  const auto path_start = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, path_start);
  std::string_view path = rest.substr(path_start);
  if (authority.find('@') != std::string_view::npos) {
    return fail(ErrorCode::Usage,
                "URL '{}': credentials in a URL end up in logs and reports; pass them as a header instead",
                shown);
  }
  MOESTRESS_TRY_STATUS(parse_authority(authority, shown, url));
  if (path.find_first_of("?#") != std::string_view::npos) {
    return fail(ErrorCode::Usage,
                "URL '{}': an origin has no query and no fragment; leave out what follows the path", shown);
  }
  if (std::any_of(path.begin(), path.end(), [](char c) { return c <= ' ' || c == 0x7f; })) {
    return fail(ErrorCode::Usage,
                "URL '{}': the path holds a space, a control character or one outside ASCII; "
                "percent-encode it",
                shown);
  }
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  url.path = path;
  return url;
}

}  // namespace moestress::net

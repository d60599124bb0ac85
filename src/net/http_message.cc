#include "net/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace moestress::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool breaks_line(char c) { return is_control(c) && c != '\t'; }

bool is_token_character(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  if (!is_token(name)) return;
  out.append(name).append(": ");
  const auto start = static_cast<std::ptrdiff_t>(out.size());
  out.append(value);
  std::replace_if(out.begin() + start, out.end(), breaks_line, ' ');
  out.append("\r\n");
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

const std::string* find_header(const Headers& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
    return equal_ignoring_case(header.first, name);
  });
  return found == headers.end() ? nullptr : &found->second;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

std::string one_line(std::string_view value) {
  std::string out(value);
  std::replace_if(out.begin(), out.end(), breaks_line, ' ');
  return out;
}

std::string request_target(const Url& origin, std::string_view target) {
  std::string whole = origin.path;
  if (target.empty() || (target.front() != '/' && target != "*")) whole += '/';
  whole += target;
  if (std::none_of(whole.begin(), whole.end(), [](char c) { return is_control(c) || c == ' '; }))
    return whole;
  std::string out;
  for (const char c : whole) {
    if (is_control(c) || c == ' ') {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string host_header(const Url& origin) {
  std::string host = origin.host.find(':') == std::string::npos ? origin.host : "[" + origin.host + "]";
  if (origin.port != (origin.secure() ? 443 : 80)) host += ":" + std::to_string(origin.port);
  return host;
}

std::string request_head(const Url& origin, const HttpRequest& request) {
  std::string out;
  out.reserve(256 + origin.path.size() + request.target.size());
  out.append(is_token(request.method) ? request.method : "GET");
  out.append(" ").append(request_target(origin, request.target)).append(" HTTP/1.1\r\n");
  if (!find_header(request.headers, "host")) append_header(out, "Host", host_header(origin));
  if (!find_header(request.headers, "user-agent")) append_header(out, "User-Agent", "moestress");
  const bool may_have_body = request.method != "GET" && request.method != "HEAD";
  if ((may_have_body || !request.body.empty()) && !find_header(request.headers, "content-length") &&
      !find_header(request.headers, "transfer-encoding")) {
    append_header(out, "Content-Length", std::to_string(request.body.size()));
  }
  for (const auto& [name, value] : request.headers) append_header(out, name, value);
  return out += "\r\n";
}

std::string response_head(int status, std::string_view content_type, const Headers& extra,
                          std::string_view date, Framing framing, std::size_t body_bytes, bool keep_alive) {
  std::string out;
  out.reserve(256);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", status, reason_phrase(status),
                 date);
  if (!content_type.empty()) append_header(out, "Content-Type", content_type);
  if (framing == Framing::Length)
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", body_bytes);
  if (framing == Framing::Chunked) out += "Transfer-Encoding: chunked\r\n";
  out += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  for (const auto& [name, value] : extra) append_header(out, name, value);
  return out += "\r\n";
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

bool split_target(std::string_view target, ServerRequest& request) {
  if (target == "*") {
    request.path = "*";
    return true;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !equal_ignoring_case(target.substr(0, scheme.size()), scheme))
      continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    if (target.empty() || target.front() == '?') {
      request.path = "/";
      request.query = target.empty() ? target : target.substr(1);
      return true;
    }
    break;
  }
  if (target.empty() || target.front() != '/') return false;
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  request.query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
  return true;
}

}  // namespace moestress::net

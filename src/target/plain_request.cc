#include "target/plain_request.h"

#include <fmt/format.h>

namespace moestress::target {

std::string host_and_port(const net::Url& url) {
  const bool has_colons = url.host.find(':') != std::string::npos;
  return has_colons ? fmt::format("[{}]:{}", url.host, url.port) : fmt::format("{}:{}", url.host, url.port);
}

std::string plain_text(const net::Url& origin, const net::HttpRequest& request) {
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: moestress\r\n", request.method,
                                 origin.path, request.target, host_and_port(origin));
  for (const auto& [name, value] : request.headers) text += fmt::format("{}: {}\r\n", name, value);
  text += fmt::format("Connection: close\r\nContent-Length: {}\r\n\r\n", request.body.size());
  return text + request.body;
}

}  // namespace moestress::target

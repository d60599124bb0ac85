#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace moestress::net {

/// An http(s) or ws(s) origin with an optional base path.
struct Url {
  std::string scheme = "http";
  std::string host = "127.0.0.1";
  std::uint16_t port = 80;
  std::string path;  ///< base path without trailing slash, "" or "/v1-proxy"

  bool secure() const { return scheme == "https" || scheme == "wss"; }
  std::string text() const;
};

/// Errors: Usage, with what is wrong ("no scheme", "port out of range", credentials in the URL are refused).
base::Result<Url> parse_url(std::string_view text);

}  // namespace moestress::net

#pragma once

#include <string>

#include "net/http_client.h"
#include "net/url.h"

namespace moestress::target {

/// "127.0.0.1:8080", "[::1]:8080".
std::string host_and_port(const net::Url& url);
/// The bytes of `request` as HTTP/1.1 has them, on a connection that is closed after it.
std::string plain_text(const net::Url& origin, const net::HttpRequest& request);

}  // namespace moestress::target

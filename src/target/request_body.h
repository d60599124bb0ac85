#pragma once

#include <string>
#include <vector>

#include "net/http_client.h"
#include "record/request.h"
#include "target/dialect.h"

namespace moestress::target {

/// The HTTP request that `request` becomes: path under `base_path`, headers, JSON body. Not for
/// ShimmyWebSocket. Asks for usage in streams, for the seed, and for cold prompts unless
/// `request.reuse_prefix`, where the dialect has a way to say so; what it has no way to say is in
/// `dropped_settings`.
net::HttpRequest build_request(Dialect dialect, const record::Request& request, const std::string& model,
                               const std::string& api_key);

/// The one text frame that a ShimmyWebSocket request sends.
std::string websocket_payload(Dialect dialect, const record::Request& request, const std::string& model);

/// Settings of `request` that `dialect` can't express and that are not at their neutral value: "seed",
/// "top_k", "ignore_eos", "stop", "cold prompt". A result that rests on one of them must say so.
std::vector<std::string> dropped_settings(Dialect dialect, const record::Request& request);

}  // namespace moestress::target

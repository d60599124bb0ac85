#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace moestress::server {

/// How deep arrays and objects of a request may nest. Real requests need six; a client that nests a million
/// must not cost us a stack.
inline constexpr std::size_t kJsonDepthMax = 64;

/// Parses an untrusted body. Errors: Format, saying what is wrong and at which byte; never quotes the body.
base::Result<nlohmann::json> parse_json(std::string_view text);

/// Compact JSON, always valid: ill-formed UTF-8 in strings becomes U+FFFD.
std::string to_text(const nlohmann::ordered_json& value);

}  // namespace moestress::server

#include "server/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace moestress::server {

namespace {

/// The deepest nesting of `text`, counted before anything is built from it. Brackets inside strings don't
/// count.
std::size_t nesting_depth(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return deepest;
}

}  // namespace

base::Result<nlohmann::json> parse_json(std::string_view text) {
  if (text.empty())
    return base::fail(base::ErrorCode::Format, "the body is empty; a JSON object was expected");
  const std::size_t depth = nesting_depth(text);
  if (depth > kJsonDepthMax) {
    return base::fail(base::ErrorCode::Format, "the JSON nests {} levels deep; at most {} are taken", depth,
                      kJsonDepthMax);
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    // The library's own text quotes what it read, which may be a prompt: say where, not what.
    return base::fail(base::ErrorCode::Format, "the body is not valid JSON (near byte {} of {})", error.byte,
                      text.size());
  } catch (const nlohmann::json::exception&) {
    return base::fail(base::ErrorCode::Format, "the body holds a JSON number that is out of range");
  }
}

std::string to_text(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace moestress::server

#include "server/api_error.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "server/json_text.h"

namespace moestress::server {

ApiError bad_parameter(std::string param, std::string message, std::string code) {
  return ApiError{.message = std::move(message), .param = std::move(param), .code = std::move(code)};
}

ApiError context_exceeded(std::int64_t limit, std::int64_t prompt_tokens, std::int64_t max_tokens) {
  return ApiError{
      .message = fmt::format(
          "This model's maximum context length is {} tokens per slot. However, you requested {} "
          "tokens ({} in the prompt, {} in the completion). Shorten the prompt or lower max_tokens.",
          limit, prompt_tokens + max_tokens, prompt_tokens, max_tokens),
      .param = "messages",
      .code = "context_length_exceeded"};
}

ApiError from_engine(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::Limit:
      return ApiError{.message = error.message, .code = "context_length_exceeded"};
    case base::ErrorCode::Usage:
      return ApiError{.message = error.message, .code = "invalid_value"};
    case base::ErrorCode::Cancelled:
      return ApiError{.status = 503, .message = error.message, .type = "server_error", .code = "cancelled"};
    default:
      return ApiError{
          .status = 500, .message = error.message, .type = "server_error", .code = "internal_error"};
  }
}

std::string error_body(const ApiError& error) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
  };
  return to_text({{"error",
                   {{"message", error.message},
                    {"type", error.type},
                    {"param", or_null(error.param)},
                    {"code", or_null(error.code)}}}});
}

}  // namespace moestress::server

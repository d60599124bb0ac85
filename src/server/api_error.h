#pragma once

#include <string>
#include <tl/expected.hpp>

#include "base/result.h"

namespace moestress::server {

/// An answer that refuses a request, in OpenAI's shape: the client libraries choose their exception class by
/// `status` and show `message`.
struct ApiError {
  int status = 400;
  std::string message{};
  std::string type = "invalid_request_error";
  std::string param{};  ///< the parameter at fault, "messages[0].content"; empty: null
  std::string code{};   ///< for programs, "context_length_exceeded"; empty: null
};

template <class T>
using ApiResult = tl::expected<T, ApiError>;

/// 400 for a parameter, which the message names.
ApiError bad_parameter(std::string param, std::string message, std::string code = {});
/// 400 with code "context_length_exceeded"; the message names the limit and what was asked for, in tokens.
ApiError context_exceeded(std::int64_t limit, std::int64_t prompt_tokens, std::int64_t max_tokens);
/// The engine's refusal of a generation, or its failure, as an answer.
ApiError from_engine(const base::Error& error);

/// {"error":{"message","type","param","code"}}
std::string error_body(const ApiError& error);

}  // namespace moestress::server

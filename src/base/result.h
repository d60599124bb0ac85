#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace moestress::base {

/// What kind of thing went wrong; decides the exit code and nothing else.
enum class ErrorCode {
  Usage,        ///< the command line or a plan is wrong
  Format,       ///< a file or message is malformed
  Io,           ///< the operating system refused: missing file, full disk, permission
  Limit,        ///< a stated bound was passed
  Unreachable,  ///< the target can't be reached, or did not become ready
  TargetDied,   ///< the target's process ended while it was needed
  Timeout,
  Cancelled,    ///< by a signal or by the caller
  Unsupported,  ///< this build or machine can't do it
  Internal,     ///< a defect of moestress
};

/// An error that a user can act on: `message` says what was wrong, where, and what to do.
struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// `return fail(ErrorCode::Format, "{}: bad magic at offset {}", path, 0);`
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

/// The same error with the place it happened in put before its message.
[[nodiscard]] inline tl::unexpected<Error> within(const std::string& place, Error error) {
  error.message = place + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace moestress::base

#define MOESTRESS_CONCAT_(a, b) a##b
#define MOESTRESS_CONCAT(a, b) MOESTRESS_CONCAT_(a, b)

/// `MOESTRESS_TRY(auto file, open(path));` declares `file`, or returns the error to the caller.
#define MOESTRESS_TRY(declaration, expression) \
  MOESTRESS_TRY_(MOESTRESS_CONCAT(try_result_, __LINE__), declaration, expression)
#define MOESTRESS_TRY_(result, declaration, expression)                                      \
  auto result = (expression);                                                                \
  if (!result) return ::tl::unexpected<::moestress::base::Error>(std::move(result.error())); \
  declaration = std::move(*result)

/// The same for a Status: returns its error, if there is one.
#define MOESTRESS_TRY_STATUS(expression)                                             \
  do {                                                                               \
    if (auto status_ = (expression); !status_)                                       \
      return ::tl::unexpected<::moestress::base::Error>(std::move(status_.error())); \
  } while (false)

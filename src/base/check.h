#pragma once

namespace moestress::base {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace moestress::base

/// An invariant of our own code; stays on in release builds. Input is validated, never checked.
#define CHECK(expression)                               \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::moestress::base::check_failed(#expression, __FILE__, __LINE__))

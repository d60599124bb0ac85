#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "base/log.h"

namespace moestress::engine {

/// While one lives, what the engine logs on this thread goes to `logger`, and the last warnings and errors
/// are kept to be quoted in our own error. The engine has one log hook for the whole process; this confines
/// it: scopes nest and each thread has its own. Warnings and errors on a thread without a scope (the engine's
/// own workers) go to stderr as they are.
class LogScope {
 public:
  /// `quiet` takes what the engine calls info down to debug: for loading a tokenizer, where it says nothing
  /// of use.
  explicit LogScope(const base::Logger& logger, bool quiet = false);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  /// The last warnings and errors, joined with "; ", made printable. Empty if there were none.
  std::string quoted() const;

  /// Takes a piece of the engine's log. `level` is a ggml_log_level; a continued line comes in several
  /// pieces.
  void take(int level, std::string_view text);

 private:
  static constexpr std::size_t kKept = 4;
  static constexpr std::size_t kLineBytesMax = 4096;

  void end_line();

  base::Logger logger_;
  bool quiet_;
  LogScope* outer_;
  int line_level_ = 0;
  std::string line_;
  std::deque<std::string> kept_;
};

}  // namespace moestress::engine

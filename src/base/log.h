#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace moestress::base {

enum class LogLevel { Debug, Info, Warning, Error, Off };

/// Writes diagnostics to stderr, one line each. A cheap handle: copies share one sink; any thread may log.
/// Passed to whoever logs; there is no global logger. Never give it a secret or a request's text.
class Logger {
 public:
  explicit Logger(LogLevel level = LogLevel::Info);

  void set_level(LogLevel level);

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::Debug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::Warning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::Error, fmt::format(format, std::forward<Args>(args)...));
  }
  /// A line that is already whole, e.g. one of a library's own log.
  void write(LogLevel level, std::string_view line) const;

 private:
  struct Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace moestress::base

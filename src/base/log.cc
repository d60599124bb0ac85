#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdlib>

namespace moestress::base {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
    case LogLevel::Off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

spdlog::color_mode color_mode() {
  return std::getenv("NO_COLOR") ? spdlog::color_mode::never : spdlog::color_mode::automatic;
}

}  // namespace

struct Logger::Sink {
  spdlog::logger logger{"moestress", std::make_shared<spdlog::sinks::stderr_color_sink_mt>(color_mode())};
};

Logger::Logger(LogLevel level) : sink_(std::make_shared<Sink>()) {
  sink_->logger.set_pattern("%H:%M:%S.%e %^%l%$ %v");
  sink_->logger.flush_on(spdlog::level::debug);
  set_level(level);
}

void Logger::set_level(LogLevel level) { sink_->logger.set_level(to_spdlog(level)); }

void Logger::write(LogLevel level, std::string_view line) const { sink_->logger.log(to_spdlog(level), line); }

}  // namespace moestress::base

#include "engine/engine_log.h"

#include <fmt/ranges.h>
#include <llama.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <mutex>

#include "base/text.h"

namespace moestress::engine {
namespace {

// The engine calls back without telling for whom it works, so the scope is found by the thread.
thread_local LogScope* current_scope = nullptr;

void engine_logged(ggml_log_level level, const char* text, void*) {
  if (current_scope) {
    current_scope->take(level, text);
  } else if (level == GGML_LOG_LEVEL_WARN || level == GGML_LOG_LEVEL_ERROR) {
    std::fputs(text, stderr);
  }
}

/// What the engine repeats of the model file, line by line, a hundred times, and what we asked it for.
bool is_chatter(std::string_view line) {
  constexpr std::string_view kChatter[] = {"print_info: ", "llama_model_loader: - ",
                                           "load: ", "llama_kv_cache_iswa: using full-size SWA cache"};
  return std::any_of(std::begin(kChatter), std::end(kChatter),
                     [&](std::string_view beginning) { return line.starts_with(beginning); });
}

base::LogLevel to_log_level(int level, bool quiet, std::string_view line) {
  switch (level) {
    case GGML_LOG_LEVEL_INFO:
      return quiet || is_chatter(line) ? base::LogLevel::Debug : base::LogLevel::Info;
    case GGML_LOG_LEVEL_WARN:
      return base::LogLevel::Warning;
    case GGML_LOG_LEVEL_ERROR:
      return base::LogLevel::Error;
    default:
      return base::LogLevel::Debug;
  }
}

}  // namespace

LogScope::LogScope(const base::Logger& logger, bool quiet)
    : logger_(logger), quiet_(quiet), outer_(current_scope) {
  static std::once_flag installed;
  std::call_once(installed, [] { llama_log_set(engine_logged, nullptr); });
  current_scope = this;
}

LogScope::~LogScope() {
  end_line();
  current_scope = outer_;
}

void LogScope::take(int level, std::string_view text) {
  if (level != GGML_LOG_LEVEL_CONT) {
    end_line();
    line_level_ = level;
  }
  for (char c : text) {
    if (c == '\n') {
      end_line();
    } else if (line_.size() < kLineBytesMax) {
      line_ += c;
    }
  }
}

void LogScope::end_line() {
  // The engine prints dots as progress; they are no line of a log.
  if (line_.find_first_not_of(". ") == std::string::npos) {
    line_.clear();
    return;
  }
  std::string line = base::printable(line_);
  line_.clear();
  const base::LogLevel level = to_log_level(line_level_, quiet_, line);
  logger_.write(level, line);
  if (level == base::LogLevel::Warning || level == base::LogLevel::Error) {
    kept_.push_back(std::move(line));
    if (kept_.size() > kKept) kept_.pop_front();
  }
}

std::string LogScope::quoted() const { return fmt::format("{}", fmt::join(kept_, "; ")); }

}  // namespace moestress::engine

#include "app/terminal_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace moestress::app {
namespace {

using record::Verdict;

const char* color_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Pass:
      return "\x1b[32m";
    case Verdict::Fail:
      return "\x1b[31m";
    case Verdict::Invalid:
      return "\x1b[35m";
    case Verdict::Inconclusive:
      return "\x1b[33m";
    case Verdict::Skipped:
      return "\x1b[90m";
  }
  return "";
}

}  // namespace

TerminalProgress::TerminalProgress(bool terminal, bool color, bool scaled)
    : terminal_(terminal), color_(color), scaled_(scaled) {
  if (terminal_) animation_ = std::thread([this] { animate(); });
}

TerminalProgress::~TerminalProgress() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (animation_.joinable()) animation_.join();
}

void TerminalProgress::model_started(const record::ModelResult& model) {
  const std::lock_guard lock(mutex_);
  fmt::print(stderr, "\n{}  {} layers, {} experts, {} active, {} shared; experts: {}\n",
             base::printable(model.id, 80), model.layers, model.experts, model.experts_used,
             model.experts_shared, base::printable(model.placement, 40));
}

void TerminalProgress::estimated(double total_seconds, double seconds_left) {
  const std::lock_guard lock(mutex_);
  if (terminal_ && running_) erase_line();
  fmt::print(stderr, "  about {} in all, {} left\n", base::human_seconds(total_seconds),
             base::human_seconds(seconds_left));
}

void TerminalProgress::test_started(std::string_view id, std::string_view name,
                                    std::optional<double> seconds_left) {
  {
    const std::lock_guard lock(mutex_);
    test_ = fmt::format("{} {}", id, name);
    seconds_left_ = seconds_left;
    since_ = std::chrono::steady_clock::now();
    running_ = true;
  }
  wake_.notify_all();
}

void TerminalProgress::test_finished(const record::TestResult& test) {
  const std::lock_guard lock(mutex_);
  running_ = false;
  if (terminal_) erase_line();
  std::string verdict = record::to_string(test.verdict);
  if (scaled_ && test.verdict == Verdict::Pass) verdict += " (scaled)";
  verdict = fmt::format("{:<{}}", verdict, scaled_ ? 13 : 12);
  fmt::print(stderr, "  {} {:<31} {}{}{} {:>7}  {}\n", test.id, test.name,
             color_ ? color_of(test.verdict) : "", verdict, color_ ? "\x1b[0m" : "",
             base::human_seconds(test.seconds), base::printable(test.reason, 160));
}

void TerminalProgress::model_finished() {}

std::string TerminalProgress::moving_line() const {
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - since_).count();
  std::string line = fmt::format("  {} … {:.0f} s", test_, passed);
  if (seconds_left_)
    line +=
        fmt::format(", about {} left in all", base::human_seconds(std::max(1.0, *seconds_left_ - passed)));
  return line;
}

void TerminalProgress::erase_line() const { fmt::print(stderr, "\r\x1b[K"); }

void TerminalProgress::animate() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (running_) {
      erase_line();
      fmt::print(stderr, "{}", moving_line());
      std::fflush(stderr);
    }
    wake_.wait_for(lock, std::chrono::milliseconds(500));
  }
  if (running_) erase_line();
}

}  // namespace moestress::app

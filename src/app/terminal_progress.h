#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "protocol/progress.h"

namespace moestress::app {

/// A line for each test as it ends, on stderr; on a terminal also a line that moves, with the time left.
class TerminalProgress final : public protocol::Progress {
 public:
  /// `scaled`: every PASS is marked as one of a run below full size.
  TerminalProgress(bool terminal, bool color, bool scaled);
  ~TerminalProgress() override;

  void model_started(const record::ModelResult& model) override;
  void estimated(double total_seconds, double seconds_left) override;
  void test_started(std::string_view id, std::string_view name, std::optional<double> seconds_left) override;
  void test_finished(const record::TestResult& test) override;
  void model_finished() override;

 private:
  void animate();
  void erase_line() const;
  std::string moving_line() const;

  const bool terminal_;
  const bool color_;
  const bool scaled_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool running_ = false;  ///< a test runs
  bool stop_ = false;
  std::string test_;
  std::optional<double> seconds_left_;
  std::chrono::steady_clock::time_point since_;
  std::thread animation_;
};

}  // namespace moestress::app

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "record/result.h"

namespace moestress::protocol {

/// What a run tells of itself as it goes. Called on the runner's thread.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void model_started(const record::ModelResult& model) = 0;
  /// Told once, as soon as there is something to estimate from: the whole run, and what is left of it.
  virtual void estimated(double /*total_seconds*/, double /*seconds_left*/) {}
  /// `seconds_left`: an estimate for the whole run; absent as long as there is nothing to estimate from.
  virtual void test_started(std::string_view id, std::string_view name,
                            std::optional<double> seconds_left) = 0;
  virtual void test_finished(const record::TestResult& test) = 0;
  virtual void model_finished() = 0;
};

}  // namespace moestress::protocol

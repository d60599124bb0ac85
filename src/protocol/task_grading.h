#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "protocol/result_builder.h"
#include "quality/sandbox.h"
#include "workload/answers.h"
#include "workload/tasks.h"

namespace moestress::protocol {

/// What became of a task on one side.
struct TaskOutcome {
  std::optional<bool> right;  ///< absent: no reply came, or its code could not be run
  bool answered = false;      ///< the reply held an answer of the task's form
  std::string shown;          ///< the answer, or how its code ended; printable
};

/// Grades replies; code in the sandbox, each program once. Owned by a test; one thread.
class TaskGrader {
 public:
  /// Looks which languages can be run here; what can't is said in `result`.
  explicit TaskGrader(ResultBuilder& result);

  /// Whether the task can be graded here.
  bool can_grade(const workload::Task& task) const;
  TaskOutcome grade(const workload::Task& task, const std::string& reply);

 private:
  TaskOutcome run(const workload::Task& task, const std::string& reply);

  ResultBuilder& result_;
  std::optional<quality::Sandbox> sandbox_;
  bool python_ = false;
  bool cpp_ = false;
  std::unordered_map<std::string, quality::RunReport> reports_;  ///< by all of a program's text
};

}  // namespace moestress::protocol

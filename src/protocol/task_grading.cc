#include "protocol/task_grading.h"

#include <fmt/format.h>

#include "base/text.h"

namespace moestress::protocol {
namespace {

using workload::AnswerForm;
using workload::Language;

constexpr std::size_t kShownBytes = 60;

}  // namespace

TaskGrader::TaskGrader(ResultBuilder& result) : result_(result) {
  auto opened = quality::Sandbox::open();
  if (!opened) {
    result_.finding("warning", "code and debugging: SKIPPED, no code is run without a sandbox: " +
                                   opened.error().message);
    return;
  }
  sandbox_ = std::move(*opened);
  for (const Language language : {Language::Python, Language::Cpp}) {
    const auto there = sandbox_->supports(language);
    (language == Language::Python ? python_ : cpp_) = there.has_value();
    if (!there)
      result_.finding("warning", fmt::format("code and debugging in {}: SKIPPED, {}",
                                             workload::to_string(language), there.error().message));
  }
}

bool TaskGrader::can_grade(const workload::Task& task) const {
  if (task.form != AnswerForm::Code) return true;
  return task.check->language == Language::Python ? python_ : cpp_;
}

TaskOutcome TaskGrader::grade(const workload::Task& task, const std::string& reply) {
  if (task.form == AnswerForm::Code) return run(task, reply);
  const workload::Grade grade = workload::grade(task, reply);
  const std::string answer = workload::answer_in(task, reply);
  return {grade == workload::Grade::Right, grade != workload::Grade::Unanswered,
          answer.empty() ? "no answer" : base::printable(answer, kShownBytes)};
}

TaskOutcome TaskGrader::run(const workload::Task& task, const std::string& reply) {
  const auto program = workload::program_for(task, reply);
  if (!program) return {false, false, "no code"};
  std::string key = program->expected_line;
  for (const auto& file : program->files) key += '\0' + file.text;
  auto known = reports_.find(key);
  if (known == reports_.end()) {
    auto report = sandbox_->run(*program);
    if (!report) {
      result_.finding("warning",
                      fmt::format("{}: its code could not be run: {}", task.id, report.error().message));
      return {std::nullopt, true, "could not be run"};
    }
    known = reports_.emplace(std::move(key), std::move(*report)).first;
  }
  return {known->second.verdict == quality::RunVerdict::Passed, true, "code that " + known->second.detail};
}

}  // namespace moestress::protocol

#include "workload/tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "workload/task_families.h"

namespace moestress::workload {
namespace {

constexpr int kAttempts = 64;  // at a prompt that has not been there

/// Languages take turns; the two families that need one begin with another each.
Language language_of(std::size_t number, bool python_first) {
  return (number % 2 == 1) == python_first ? Language::Python : Language::Cpp;
}

Task make_task(TaskFamily family, int difficulty, std::size_t number, base::Random& random) {
  switch (family) {
    case TaskFamily::Arithmetic:
      return arithmetic_task(difficulty, random);
    case TaskFamily::Knights:
      return knights_task(difficulty, random);
    case TaskFamily::Ordering:
      return ordering_task(difficulty, random);
    case TaskFamily::Zebra:
      return zebra_task(difficulty, random);
    case TaskFamily::Sequence:
      return sequence_task(difficulty, random);
    case TaskFamily::Dates:
      return dates_task(difficulty, random);
    case TaskFamily::Code:
      return code_task(difficulty, language_of(number, true), random);
    case TaskFamily::Debugging:
      return debugging_task(difficulty, language_of(number, false), random);
  }
  return {};
}

}  // namespace

const char* to_string(TaskFamily family) {
  switch (family) {
    case TaskFamily::Arithmetic:
      return "arithmetic";
    case TaskFamily::Knights:
      return "knights";
    case TaskFamily::Ordering:
      return "ordering";
    case TaskFamily::Zebra:
      return "zebra";
    case TaskFamily::Sequence:
      return "sequence";
    case TaskFamily::Dates:
      return "dates";
    case TaskFamily::Code:
      return "code";
    case TaskFamily::Debugging:
      return "debugging";
  }
  return "unknown";
}

std::optional<TaskFamily> task_family_from(std::string_view name) {
  for (const TaskFamily family : kTaskFamilies)
    if (name == to_string(family)) return family;
  return std::nullopt;
}

const char* to_string(AnswerForm form) {
  switch (form) {
    case AnswerForm::Integer:
      return "integer";
    case AnswerForm::Choice:
      return "choice";
    case AnswerForm::Code:
      return "code";
  }
  return "unknown";
}

const char* to_string(Language language) { return language == Language::Python ? "Python" : "C++"; }

std::vector<Task> make_tasks(TaskFamily family, int difficulty, std::size_t count, std::uint64_t seed) {
  CHECK(difficulty >= 1 && difficulty <= kDifficultyMax);
  std::vector<Task> tasks;
  std::set<std::string> prompts;
  for (std::size_t number = 1; number <= count; ++number) {
    const std::string id = fmt::format("{}-{}-{:04}", to_string(family), difficulty, number);
    Task task;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      base::Random random(base::derive_seed(seed, fmt::format("{}/{}", id, attempt)));
      task = make_task(family, difficulty, number, random);
      if (prompts.insert(task.prompt).second) break;
    }
    task.id = id;
    task.family = family;
    task.difficulty = difficulty;
    tasks.push_back(std::move(task));
  }
  return tasks;
}

int between(base::Random& random, int low, int high) {
  CHECK(low <= high);
  return low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low) + 1));
}

std::vector<std::string> draw_names(std::size_t count, base::Random& random) {
  std::vector<std::string> names{"Ann",  "Bob",  "Carl", "Dora", "Eve",  "Finn",
                                 "Gina", "Hugo", "Ida",  "Jack", "Kate", "Leo"};
  CHECK(count <= names.size());
  random.shuffle(names);
  names.resize(count);
  return names;
}

Task integer_task(const std::string& question, std::int64_t answer) {
  Task task;
  task.prompt = question + " End with \"Answer:\" and the number.";
  task.form = AnswerForm::Integer;
  task.answer = std::to_string(answer);
  return task;
}

Task choice_task(const std::string& question, std::string answer, std::vector<std::string> choices) {
  Task task;
  const std::string last = choices.back();
  task.prompt = fmt::format("{} End with \"Answer:\" and {} or {}.", question,
                            fmt::join(choices.begin(), choices.end() - 1, ", "), last);
  task.form = AnswerForm::Choice;
  task.answer = std::move(answer);
  task.chance = 1.0 / static_cast<double>(choices.size());
  task.choices = std::move(choices);
  return task;
}

}  // namespace moestress::workload

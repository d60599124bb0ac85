#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/command.h"
#include "base/random.h"
#include "workload/tasks.h"

namespace moestress::app {
namespace {

struct TasksOptions {
  std::string family;
  int difficulty = 1;
  std::size_t count = 2;
  std::uint64_t seed = 1;
  bool json = false;
};

nlohmann::json to_json(const workload::Task& task) {
  nlohmann::json json{
      {"id", task.id},         {"family", workload::to_string(task.family)}, {"difficulty", task.difficulty},
      {"prompt", task.prompt}, {"form", workload::to_string(task.form)},     {"answer", task.answer},
      {"chance", task.chance}};
  if (!task.choices.empty()) json["choices"] = task.choices;
  if (task.check)
    json["check"] = {{"language", workload::to_string(task.check->language)},
                     {"function", task.check->function},
                     {"tests", task.check->tests},
                     {"expected_line", task.check->expected_line}};
  return json;
}

std::string to_text(const workload::Task& task) {
  const bool code = task.form == workload::AnswerForm::Code;
  return fmt::format("{}\n{}\n→ {}{}\n\n", task.id, task.prompt, code ? "\n" : "", task.answer);
}

base::Status print_tasks(const TasksOptions& options) {
  std::vector<workload::TaskFamily> families(workload::kTaskFamilies.begin(), workload::kTaskFamilies.end());
  if (!options.family.empty()) {
    const auto family = workload::task_family_from(options.family);
    if (!family) return base::fail(base::ErrorCode::Usage, "there is no family \"{}\"", options.family);
    families = {*family};
  }
  auto list = nlohmann::json::array();
  for (const auto family : families)
    for (const auto& task : workload::make_tasks(family, options.difficulty, options.count,
                                                 base::derive_seed(options.seed, "6.2/tasks"))) {
      if (options.json) list.push_back(to_json(task));
      if (!options.json) fmt::print("{}", to_text(task));
    }
  if (options.json) fmt::print("{}\n", list.dump(2));
  return {};
}

}  // namespace

void add_tasks_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<TasksOptions>();
  CLI::App* command = program.add_subcommand("tasks", "Show the tasks of test 6.2 with their answers");
  std::vector<std::string> families;
  for (const auto family : workload::kTaskFamilies) families.emplace_back(workload::to_string(family));
  command->add_option("--family", options->family, "only one of them")->check(CLI::IsMember(families));
  command->add_option("--difficulty", options->difficulty, "1 (a step or two) to 5")
      ->capture_default_str()
      ->check(CLI::Range(1, workload::kDifficultyMax));
  command->add_option("--count", options->count, "of each family")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command->add_option("--seed", options->seed, "of the run that is to ask them")->capture_default_str();
  command->add_flag("--json", options->json, "a JSON array, with the tests that code is held against");
  command->footer(
      "A run with the same seed, difficulty and number (reasoning_tasks) asks exactly these.\n\n"
      "Examples:\n"
      "  moestress tasks --difficulty 3\n"
      "  moestress tasks --family debugging --count 5 --seed 7\n"
      "  moestress tasks --json | jq '.[].prompt'");
  command->callback([options, &exit_code] {
    const auto status = print_tasks(*options);
    exit_code = status ? kPassed : report_error(status.error());
  });
}

}  // namespace moestress::app

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/doctor_checks.h"

namespace moestress::app {
namespace {

using State = DoctorCheck::State;

const char* color_of(State state) {
  switch (state) {
    case State::Ok:
      return "\033[32m";
    case State::Limited:
      return "\033[33m";
    case State::Missing:
      return "\033[31m";
  }
  return "";
}

void print_table(const std::vector<DoctorCheck>& checks, bool color) {
  std::size_t width = 0;
  for (const DoctorCheck& check : checks) width = std::max(width, check.name.size());
  for (const DoctorCheck& check : checks) {
    fmt::print("{}{:<8}{}  {:<{}}  {}\n", color ? color_of(check.state) : "", to_string(check.state),
               color ? "\033[0m" : "", check.name, width, check.found.empty() ? "none" : check.found);
    if (!check.remedy.empty()) fmt::print("{:<8}  {:<{}}  → {}\n", "", "", width, check.remedy);
  }
}

void print_json(const std::vector<DoctorCheck>& checks) {
  nlohmann::json list = nlohmann::json::array();
  for (const DoctorCheck& check : checks)
    list.push_back({{"id", check.id},
                    {"name", check.name},
                    {"state", to_string(check.state)},
                    {"found", check.found},
                    {"remedy", check.remedy}});
  const nlohmann::json out{{"version", 1}, {"moestress", MOESTRESS_VERSION}, {"checks", list}};
  fmt::print("{}\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// Whether a run could measure anything at all here: the least is a CPU, memory figures and a target's
/// processes.
bool can_measure(const std::vector<DoctorCheck>& checks) {
  return std::any_of(checks.begin(), checks.end(), [](const DoctorCheck& check) {
    return check.state != State::Missing &&
           (check.id == "cpu" || check.id == "memory" || check.id == "process");
  });
}

}  // namespace

void add_doctor_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command = program.add_subcommand(
      "doctor", "Say what this machine can measure, what is missing, and what to do about it");
  command->add_option("-m,--model", options->models,
                      "a model file, to ask how much of it is in the page cache");
  command->add_option("--out", options->directory, "where runs would be kept, to ask for its free space")
      ->capture_default_str();
  command->add_flag("--json", *json, "print a JSON object in place of the table");
  command->footer(
      "ok: measured; limited: measured, with a restriction; missing: not measured, and what would change "
      "that.\n"
      "Takes about two seconds, in which the memory bandwidth is measured.\n"
      "Exit codes: 0, or 3 if nothing at all can be measured here.\n\n"
      "Examples:\n"
      "  moestress doctor\n"
      "  moestress doctor -m models/phimoe.gguf\n"
      "  moestress doctor --json | jq '.checks[] | select(.state != \"ok\")'");
  command->callback([options, json, &exit_code] {
    const std::vector<DoctorCheck> checks = run_doctor_checks(*options);
    if (*json) {
      print_json(checks);
    } else {
      print_table(checks, isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR"));
    }
    exit_code = can_measure(checks) ? kPassed : kInvalid;
  });
}

}  // namespace moestress::app

#pragma once

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "record/result.h"

namespace moestress::app {

/// The exit codes of the whole program.
enum ExitCode : int {
  kPassed = 0,
  kCriterionFailed = 1,
  kUsage = 2,
  kInvalid = 3,
  kUnreachable = 4,
  kInternal = 5,
  kInterrupted = 130,
};

ExitCode exit_code_of(const base::Error& error);
ExitCode exit_code_of(record::Verdict verdict);
/// Prints "moestress: <message>" to stderr and gives the exit code.
ExitCode report_error(const base::Error& error);

// Each adds one subcommand; its callback leaves the exit code in `exit_code`. One file each:
// <name>_command.cc.
void add_serve_command(CLI::App& program, int& exit_code);
void add_forge_command(CLI::App& program, int& exit_code);
void add_inspect_command(CLI::App& program, int& exit_code);
void add_score_command(CLI::App& program, int& exit_code);
void add_run_command(CLI::App& program, int& exit_code);
void add_doctor_command(CLI::App& program, int& exit_code);
void add_resume_command(CLI::App& program, int& exit_code);
void add_report_command(CLI::App& program, int& exit_code);
void add_tasks_command(CLI::App& program, int& exit_code);

}  // namespace moestress::app

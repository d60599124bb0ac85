#include <csignal>
#include <cstdio>
#include <exception>

#include "app/command.h"

namespace moestress::app {

ExitCode exit_code_of(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::Usage:
    case base::ErrorCode::Format:
      return kUsage;
    case base::ErrorCode::Unreachable:
    case base::ErrorCode::TargetDied:
    case base::ErrorCode::Timeout:
      return kUnreachable;
    case base::ErrorCode::Cancelled:
      return kInterrupted;
    case base::ErrorCode::Io:
    case base::ErrorCode::Limit:
    case base::ErrorCode::Unsupported:
    case base::ErrorCode::Internal:
      return kInternal;
  }
  return kInternal;
}

ExitCode exit_code_of(record::Verdict verdict) {
  if (verdict == record::Verdict::Fail) return kCriterionFailed;
  return verdict == record::Verdict::Invalid ? kInvalid : kPassed;
}

ExitCode report_error(const base::Error& error) {
  std::fprintf(stderr, "moestress: %s\n", error.message.c_str());
  return exit_code_of(error);
}

namespace {

int run(int argc, char** argv) {
  CLI::App program{
      "Stress-tests Mixture-of-Experts models whose experts live in CPU memory, and says with numbers "
      "whether that "
      "set-up is ready for production."};
  program.name("moestress");
  program.set_version_flag("--version", "moestress " MOESTRESS_VERSION);
  program.require_subcommand(1);
  program.footer(
      "Exit codes: 0 nothing failed, 1 a criterion failed, 2 usage or plan, 3 the measurement is invalid,\n"
      "4 target unreachable, 5 internal, 130 interrupted (with its report written).");

  int exit_code = kPassed;
  add_run_command(program, exit_code);
  add_resume_command(program, exit_code);
  add_serve_command(program, exit_code);
  add_inspect_command(program, exit_code);
  add_forge_command(program, exit_code);
  add_score_command(program, exit_code);
  add_doctor_command(program, exit_code);
  add_report_command(program, exit_code);
  add_tasks_command(program, exit_code);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? kPassed : kUsage;
  }
  return exit_code;
}

}  // namespace
}  // namespace moestress::app

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or socket is an error of the write, not our death
  try {
    return moestress::app::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "moestress: internal error: %s\n", error.what());
    return moestress::app::kInternal;
  }
}

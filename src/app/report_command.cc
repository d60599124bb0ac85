#include <filesystem>
#include <memory>
#include <string>

#include "app/command.h"
#include "app/report_output.h"

namespace moestress::app {
namespace {

struct ReportOptions {
  std::string run;
  std::string out;
  bool json = false;
};

base::Result<ExitCode> report_run(const ReportOptions& options) {
  if (!std::filesystem::exists(options.run + "/run.db"))
    return base::fail(
        base::ErrorCode::Usage,
        "{}: not a run directory: there is no run.db in it. `moestress run` makes one, by default "
        "under runs/",
        options.run);
  const std::string& directory = options.out.empty() ? options.run : options.out;
  MOESTRESS_TRY(const record::Verdict verdict, write_and_print_report(options.run, directory, options.json));
  return exit_code_of(verdict);
}

}  // namespace

void add_report_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = program.add_subcommand(
      "report",
      "Write a run's reports again and print its verdicts; also of a run that goes on or was cut off");
  command->add_option("run", options->run, "the run's directory")->required();
  command->add_option("-o,--out", options->out, "where the reports go (default: the run's directory)");
  command->add_flag("--json", options->json, "print result.json instead of the table");
  command->footer(
      "Writes result.json, report.html, summary.md, junit.xml and metrics.prom.\n"
      "Exit codes: 0 nothing failed, 1 a criterion or test failed, 3 the measurement is invalid.\n\n"
      "Examples:\n"
      "  moestress report runs/20260301-120000-standard\n"
      "  moestress report runs/20260301-120000-standard -o /tmp/report\n"
      "  moestress report runs/20260301-120000-standard --json | jq .run.verdict");
  command->callback([options, &exit_code] {
    const auto code = report_run(*options);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace moestress::app

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "app/command.h"
#include "report/report_input.h"
#include "report/result_json.h"
#include "report/verdict_table.h"
#include "report/write.h"
#include "store/run_reader.h"

namespace moestress::app {
namespace {

constexpr int kTableWidth = 100;  // where no terminal tells its own
constexpr int kTableWidthMax = 120;

struct ReportOptions {
  std::string run;
  std::string out;
  bool json = false;
};

int terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kTableWidth;
  return std::min<int>(size.ws_col, kTableWidthMax);
}

ExitCode exit_code_of(record::Verdict verdict) {
  if (verdict == record::Verdict::Fail) return kCriterionFailed;
  return verdict == record::Verdict::Invalid ? kInvalid : kPassed;
}

base::Result<ExitCode> report_run(const ReportOptions& options) {
  if (!std::filesystem::exists(options.run + "/run.db"))
    return base::fail(
        base::ErrorCode::Usage,
        "{}: not a run directory: there is no run.db in it. `moestress run` makes one, by default "
        "under runs/",
        options.run);
  MOESTRESS_TRY(const auto reader, store::RunReader::open(options.run));
  MOESTRESS_TRY(report::ReportInput input, report::gather(reader));
  const std::string directory = options.out.empty() ? options.run : options.out;
  input.report_path = directory + "/report.html";
  const base::Status written = report::write_reports(input, directory);
  if (options.json) {
    fmt::print("{}", report::result_json_text(input));
  } else {
    const bool color = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
    fmt::print("{}", report::verdict_table(input, color, terminal_width()));
  }
  MOESTRESS_TRY_STATUS(written);
  return exit_code_of(report::overall_verdict(input));
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

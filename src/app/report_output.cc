#include "app/report_output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "report/report_input.h"
#include "report/result_json.h"
#include "report/verdict_table.h"
#include "report/write.h"
#include "store/run_reader.h"

namespace moestress::app {
namespace {

constexpr int kTableWidth = 100;  // where no terminal tells its own
constexpr int kTableWidthMax = 120;

int terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kTableWidth;
  return std::min<int>(size.ws_col, kTableWidthMax);
}

}  // namespace

base::Result<record::Verdict> write_and_print_report(const std::string& directory,
                                                     const std::string& out_directory, bool json) {
  MOESTRESS_TRY(const auto reader, store::RunReader::open(directory));
  MOESTRESS_TRY(report::ReportInput input, report::gather(reader));
  input.report_path = out_directory + "/report.html";
  const base::Status written = report::write_reports(input, out_directory);
  if (json) {
    fmt::print("{}", report::result_json_text(input));
  } else {
    const bool color = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
    fmt::print("{}", report::verdict_table(input, color, terminal_width()));
  }
  MOESTRESS_TRY_STATUS(written);
  return report::overall_verdict(input);
}

}  // namespace moestress::app

#pragma once

#include <string>

#include "base/result.h"
#include "report/report_input.h"

namespace moestress::report {

/// Writes result.json, report.html, summary.md, junit.xml and metrics.prom into `out_directory`, which is
/// made if it isn't there. Each appears whole or not at all (a temporary file, then a rename); one that can't
/// be written doesn't stop the others. Works on a run that is still going or was cut off. Errors: one that
/// names every file that could not be written, and why.
base::Status write_reports(const ReportInput& input, const std::string& out_directory);

}  // namespace moestress::report

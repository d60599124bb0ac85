#pragma once

#include <string>

#include "report/report_input.h"

namespace moestress::report {

/// The closing table for a terminal: for each model the criteria with verdict, measured, threshold and, where
/// not PASS, the reason; the tests by verdict; the overall verdict; where the report lies. Several models
/// share one matrix of criterion × model with a list of reasons below. No line is wider than `width` columns
/// (at least 60), as Unicode counts them, but the path of the report, which is never cut. `color` adds SGR
/// colours; the caller decides (a terminal, and NO_COLOR unset). Text from servers can't move the cursor or
/// turn the writing direction. Ends with a newline.
std::string verdict_table(const ReportInput& input, bool color, int width);

}  // namespace moestress::report

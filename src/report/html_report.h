#pragma once

#include <string>
#include <string_view>

#include "report/report_input.h"

namespace moestress::report {

/// report.html: one file that needs neither network nor other files, and runs no script but its own (its
/// content security policy names the script's hash). The data stand in it as JSON; the page shows them as
/// text only.
std::string html_report(const ReportInput& input);

/// What the page shows: result.json's content and, thinned for drawing, tables, curves, distributions and
/// routing. web/src/payload.ts has its types. Valid JSON without '<' and '>', so that it can't end the
/// element it stands in.
std::string report_payload(const ReportInput& input);

/// Of a table, at most this many figures are in report.html; its last rows are left out beyond. A curve is
/// thinned to kSeriesPoints first.
inline constexpr std::size_t kTableCellsMax = 20'000;
/// Of a test, at most this many findings are in report.html; result.json has all.
inline constexpr std::size_t kFindingsMax = 100;

}  // namespace moestress::report

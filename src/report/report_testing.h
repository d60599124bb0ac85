#pragma once

#include <string>

#include "report/report_input.h"

namespace moestress::report {

/// A small run with every verdict: model "alpha" fails C2 and test 2.2, "beta" lacks samples.
ReportInput small_input();

/// Compares `text` with tests/golden/report/<name>. With MOESTRESS_UPDATE_GOLDEN set, writes it there
/// instead.
void expect_golden(const std::string& name, const std::string& text);

}  // namespace moestress::report

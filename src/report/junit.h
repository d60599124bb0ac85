#pragma once

#include <string>
#include <string_view>

#include "report/report_input.h"

namespace moestress::report {

/// junit.xml: a suite for each model, a case for each test and criterion. FAIL is a failure, INVALID an error
/// (the measurement broke), INCONCLUSIVE and SKIPPED are skipped with their reason. A run that was cut off
/// has one more suite with an error that says so.
std::string junit_xml(const ReportInput& input);

/// Untrusted text for an XML attribute or element: characters that XML 1.0 can't hold are spelled out.
std::string xml_text(std::string_view text);

}  // namespace moestress::report

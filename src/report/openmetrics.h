#pragma once

#include <string>

#include "report/report_input.h"

namespace moestress::report {

/// metrics.prom: OpenMetrics 1.0 text, for a textfile collector or a push gateway. Each metric of a test is
/// the gauge moestress_<name>{run, model, test}, with moestress_<name>_samples and the ends of its interval
/// beside it; verdicts are state sets. A figure that is not finite is left out.
std::string openmetrics_text(const ReportInput& input);

}  // namespace moestress::report

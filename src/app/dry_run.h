#pragma once

#include "app/run_execution.h"
#include "base/result.h"

namespace moestress::app {

/// Prints what a run of the plan would do to which model, test by test, and how long that is thought to take.
/// Starts nothing; reads the models' files and measures this machine's memory bandwidth.
base::Status print_dry_run(const PreparedPlan& prepared, bool json);

/// Prints every figure that a check can ask for.
void print_metrics(bool json);

}  // namespace moestress::app

#pragma once

#include <string>

#include "base/result.h"
#include "record/result.h"

namespace moestress::app {

/// Gathers the run in `directory`, writes its reports into `out_directory`, and prints the closing table to
/// stdout, or result.json with `json`. Gives the run's verdict. Errors: those of the reader; files that could
/// not be written, after the table has been printed all the same.
base::Result<record::Verdict> write_and_print_report(const std::string& directory,
                                                     const std::string& out_directory, bool json);

}  // namespace moestress::app

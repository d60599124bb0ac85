#pragma once

#include <string>

#include "base/result.h"
#include "record/placement.h"

namespace moestress::plan {

/// Reads where experts are to live, as `--experts` and plans name it: "cpu", "gpu", "first:N" (the experts of
/// the first N layers on the CPU), or the path of a JSON file {"cpu_layers":[0,1,5]}.
/// Errors: Usage (no such form; the text lists them), Io (the file can't be read), Format (the file is not
/// such an object, names an unknown key, or a layer that is no number in 0..9999).
base::Result<record::ExpertPlacement> parse_placement(const std::string& text);

}  // namespace moestress::plan

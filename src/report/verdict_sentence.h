#pragma once

#include <string>

#include "record/result.h"

namespace moestress::report {

/// One sentence on whether a model is ready, and if not, what says so, with the numbers.
/// "Not ready: C2 GPU memory is 5.31 GB (< 5 GB asked for); tests failed: 5.1."
std::string verdict_sentence(const record::ModelResult& model);

}  // namespace moestress::report

#pragma once

#include <vector>

#include "record/result.h"
#include "record/routing.h"

namespace moestress::sample {

/// Results such as a run of the standard suite gives: one model that passes, one that fails, one whose
/// samples do not suffice. The figures are made up; the same on every call.
std::vector<record::ModelResult> models();

/// One model whose texts try to break out of whatever they are shown in.
record::ModelResult hostile_model();

/// The choices of a router that prefers some experts, which ones depends on `set`.
record::RoutingTrace routing(const record::ModelResult& model, const char* set);

}  // namespace moestress::sample

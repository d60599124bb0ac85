#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/progress.h"
#include "protocol/rig.h"
#include "record/result.h"

namespace moestress::protocol {

struct RunOutcome {
  std::vector<record::ModelResult> models;
  record::Verdict verdict = record::Verdict::Skipped;  ///< over all criteria and tests
  bool interrupted = false;
  bool unreachable = false;  ///< a target that did not become ready
  std::string aborted;       ///< by which check, and why; empty: by none
};

/// Runs the plan's tests over its models, decides the criteria, and records everything as it comes: each test
/// is on disk before the next begins. Errors: a model that can't be read, a disk that can't be written; what
/// was recorded until then stays.
base::Result<RunOutcome> run_plan(RunContext& run, Progress& progress);

/// Whether this version has the tests that the plan names. Errors: Usage, with those it has.
base::Status check_tests(const plan::Plan& plan);

/// What the plan's device comes down to on this machine, from the engine; for `moestress serve` only.
struct ResolvedDevice {
  std::string name;  ///< "CPU", "Vulkan0"
  bool software = false;
};
base::Result<ResolvedDevice> resolve_device(const std::string& device);

}  // namespace moestress::protocol

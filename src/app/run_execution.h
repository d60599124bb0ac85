#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "app/command.h"
#include "app/stop_signals.h"
#include "base/clock.h"
#include "net/url.h"
#include "plan/plan.h"
#include "protocol/resumption.h"
#include "protocol/runner.h"
#include "record/placement.h"
#include "store/run_writer.h"
#include "workload/prompts.h"

namespace moestress::app {

/// A plan with what this machine makes of it.
struct PreparedPlan {
  plan::Plan plan;
  std::optional<net::Url> url;
  std::string api_key;
  record::ExpertPlacement placement;
  protocol::ResolvedDevice device;
  workload::PromptLibrary prompts;
};

/// Whether the plan can be run here: its models are there, its tests are of this version. Errors: Usage.
base::Status check_plan(const plan::Plan& plan);
/// Looks for devices, which starts drivers' threads: signals are to be blocked before. Errors:
/// Usage, and those of a prompt file.
base::Result<PreparedPlan> prepare(plan::Plan plan);

/// "2026-03-01T12:00:00Z" for "%Y-%m-%dT%H:%M:%SZ".
std::string wall_text(base::WallTime time, const char* format);
inline constexpr const char* kInstantFormat = "%Y-%m-%dT%H:%M:%SZ";

/// Makes all threads allocate from one heap, to be called before there are others: with a heap for each, what
/// one allocates and another frees leaves holes, and our memory grew by some 0.8 MB an hour.
void use_one_heap();

/// Cancels on SIGINT and SIGTERM; ends at once on the second. Errors: those of StopSignals.
base::Result<StopSignals> cancel_on_signals(std::atomic<bool>& cancelled);

/// Runs a plan into a run directory that is open for writing, finishes it, writes and prints the report.
/// `resumption`: what an interrupted run goes on from; nullptr for one that begins.
base::Result<ExitCode> execute_run(const PreparedPlan& prepared, std::unique_ptr<store::RunWriter> writer,
                                   const base::Clock& clock, base::TimePoint epoch,
                                   const std::atomic<bool>& cancelled, const protocol::Resumption* resumption,
                                   bool json);

}  // namespace moestress::app

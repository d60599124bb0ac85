#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/run_execution.h"
#include "base/text.h"
#include "protocol/resumption.h"
#include "store/directory_lock.h"
#include "store/run_reader.h"
#include "store/run_writer.h"

namespace moestress::app {
namespace {

using base::ErrorCode;

struct ResumeOptions {
  std::string run;
  bool json = false;
};

/// The wall clock at the run's first instant, as far as it is known.
base::WallTime wall_at_start(const store::RunInfo& info, const std::vector<store::Part>& parts) {
  if (!parts.empty()) return parts.back().wall - parts.back().at;
  std::tm utc{};
  if (strptime(info.started.c_str(), kInstantFormat, &utc) == nullptr) return {};
  return base::WallTime(std::chrono::seconds(timegm(&utc)));
}

/// What there is to go on with, once it is clear that it may be.
struct CutOffRun {
  plan::Plan plan;
  protocol::Resumption resumption;
  store::Part part;  ///< the one that begins now
  bool clock_went_back = false;
};

base::Status check_unfinished(const std::string& directory, const store::RunInfo& info) {
  if (!info.ended.empty() && info.reason.empty())
    return base::fail(ErrorCode::Usage,
                      "{}: this run came to its end at {} ({}): there is nothing to go on with", directory,
                      info.ended, info.verdict);
  if (info.version != MOESTRESS_VERSION)
    return base::fail(
        ErrorCode::Usage,
        "{}: this run was begun by moestress {}, this is {}: go on with that one, or begin another "
        "run",
        directory, base::printable(info.version, 40), MOESTRESS_VERSION);
  return {};
}

base::Result<CutOffRun> read_cut_off(const std::string& directory, const base::Clock& clock) {
  MOESTRESS_TRY(const auto reader, store::RunReader::open(directory));
  MOESTRESS_TRY(const store::RunInfo info, reader.info());
  MOESTRESS_TRY_STATUS(check_unfinished(directory, info));
  CutOffRun run;
  MOESTRESS_TRY(run.plan, plan::load_plan(directory + "/plan.toml"));
  MOESTRESS_TRY_STATUS(check_plan(run.plan));
  MOESTRESS_TRY(const auto files, reader.model_files());
  MOESTRESS_TRY_STATUS(protocol::check_model_files(run.plan, files));
  MOESTRESS_TRY(run.resumption, protocol::read_resumption(reader));
  MOESTRESS_TRY(const auto parts, reader.parts());
  MOESTRESS_TRY(run.part.gap_from, reader.last_instant());
  // Only the wall clock knows how long nobody was there: the monotonic one may have begun anew.
  run.part.wall = clock.wall_now();
  run.part.at = run.part.wall - wall_at_start(info, parts);
  run.clock_went_back = run.part.at <= run.part.gap_from;
  if (run.clock_went_back) run.part.at = run.part.gap_from + std::chrono::milliseconds(1);
  return run;
}

std::string gap_text(const CutOffRun& run) {
  const double seconds = base::to_seconds(run.part.at - run.part.gap_from);
  const std::string length = run.clock_went_back
                                 ? "for a time that is not known, since the wall clock went back"
                                 : "for " + base::human_seconds(seconds);
  return fmt::format("nothing was recorded {}: moestress did not run; gone on with at {}", length,
                     wall_text(run.part.wall, kInstantFormat));
}

void announce(const CutOffRun& run) {
  std::size_t done = 0;
  for (const auto& [id, model] : run.resumption.models) done += model.tests.size();
  fmt::print(stderr, "{} test{} recorded before; {}\n", done, done == 1 ? " was" : "s were", gap_text(run));
}

base::Result<ExitCode> resume(const ResumeOptions& options) {
  const base::SystemClock clock;
  std::string directory = options.run;
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  if (!std::filesystem::exists(directory + "/run.db"))
    return base::fail(
        ErrorCode::Usage,
        "{}: not a run directory: there is no run.db in it. `moestress run` makes one, by default "
        "under runs/",
        options.run);
  MOESTRESS_TRY(store::DirectoryLock lock, store::DirectoryLock::acquire(directory));
  MOESTRESS_TRY(CutOffRun run, read_cut_off(directory, clock));

  use_one_heap();
  std::atomic<bool> cancelled{false};
  MOESTRESS_TRY(const StopSignals signals, cancel_on_signals(cancelled));
  MOESTRESS_TRY(const PreparedPlan prepared, prepare(run.plan));
  store::WriterOptions writer_options;
  const base::TimePoint epoch = clock.now() - run.part.at;
  writer_options.epoch = epoch;
  writer_options.on_failure = [&cancelled] { cancelled = true; };
  MOESTRESS_TRY(auto writer, store::RunWriter::open(directory, std::move(lock), writer_options));
  const bool marathon = run.resumption.marathon_kept > base::Duration{0};
  writer->set_aside_cut_off(marathon ? "S1" : "", run.resumption.marathon_kept);
  writer->add_part(run.part);
  writer->add_event(run.part.gap_from, "gap", gap_text(run));
  writer->add_event("resumed", fmt::format("by moestress {}", MOESTRESS_VERSION));
  MOESTRESS_TRY_STATUS(writer->flush());
  announce(run);
  return execute_run(prepared, std::move(writer), clock, epoch, cancelled, &run.resumption, options.json);
}

}  // namespace

void add_resume_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ResumeOptions>();
  CLI::App* command = program.add_subcommand(
      "resume", "Go on with a run that was killed, interrupted, or cut off by a reboot");
  command->add_option("run", options->run, "the run's directory")->required();
  command->add_flag("--json", options->json, "print result.json instead of the table");
  command->footer(
      "Tests that came to their end are not repeated; one that was cut off begins anew, but the marathon "
      "(S1)\n"
      "goes on from its last checkpoint. The time in between is shown as a gap and never filled in.\n"
      "Refused (exit code 2): a run that has come to its end, one that is still going, and one whose model "
      "file\n"
      "has changed. Model paths are taken as they were given: go on from the folder that the run began "
      "in.\n\n"
      "Example:\n"
      "  moestress resume runs/20260301-120000-full");
  command->callback([options, &exit_code] {
    const auto code = resume(*options);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace moestress::app

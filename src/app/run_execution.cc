#include "app/run_execution.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <utility>

#include "app/report_output.h"
#include "app/terminal_progress.h"
#include "base/text.h"
#include "plan/placement.h"
#include "protocol/prompt_files.h"

namespace moestress::app {
namespace {

ExitCode exit_code_of(const protocol::RunOutcome& outcome) {
  if (outcome.interrupted) return kInterrupted;
  if (outcome.unreachable) return kUnreachable;
  return app::exit_code_of(outcome.verdict);
}

}  // namespace

base::Status check_plan(const plan::Plan& plan) {
  MOESTRESS_TRY_STATUS(plan::validate(plan));
  for (const std::string& url : {plan.target.url, plan.target.baseline_url})
    if (!url.empty()) MOESTRESS_TRY_STATUS(net::parse_url(url).map([](const auto&) {}));
  // Not a plan's own affair: a plan may leave its target to the command line.
  if (!plan.target.baseline_url.empty() && plan.target.spawn.empty() && plan.target.url.empty())
    return base::fail(
        base::ErrorCode::Usage,
        "a server that plays the baseline ({}) needs one of another kind to hold it against: name that with "
        "--target or --spawn",
        base::printable(plan.target.baseline_url, 200));
  if (plan.models.empty())
    return base::fail(base::ErrorCode::Usage,
                      "no model: name its GGUF file with -m; also for a server of another kind, since its "
                      "tokenizer counts the "
                      "tokens and its topology is what figures are held against");
  for (const auto& model : plan.models)
    if (!std::filesystem::exists(model))
      return base::fail(base::ErrorCode::Usage, "{}: there is no such model file",
                        base::printable(model, 200));
  return protocol::check_tests(plan);
}

base::Result<PreparedPlan> prepare(plan::Plan plan) {
  PreparedPlan prepared;
  prepared.plan = std::move(plan);
  if (const std::string& name = prepared.plan.target.api_key_env; !name.empty()) {
    const char* key = std::getenv(name.c_str());
    if (key == nullptr || *key == '\0')
      return base::fail(base::ErrorCode::Usage,
                        "the environment variable {}, which is to hold the API key, is not set", name);
    prepared.api_key = key;
  }
  MOESTRESS_TRY(prepared.placement, plan::parse_placement(prepared.plan.target.experts));
  MOESTRESS_TRY(prepared.prompts, protocol::load_prompts(prepared.plan));
  if (prepared.plan.target.spawn.empty() && prepared.plan.target.url.empty()) {
    MOESTRESS_TRY(prepared.device, protocol::resolve_device(prepared.plan.target.device));
  }
  if (!prepared.plan.target.url.empty()) {
    MOESTRESS_TRY(prepared.url, net::parse_url(prepared.plan.target.url));
  }
  return prepared;
}

std::string wall_text(base::WallTime time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  std::strftime(text, sizeof text, format, &utc);
  return text;
}

void use_one_heap() { mallopt(M_ARENA_MAX, 1); }

base::Result<StopSignals> cancel_on_signals(std::atomic<bool>& cancelled) {
  return StopSignals::watch([&cancelled](int count) {
    if (count > 1) _exit(kInterrupted);  // the keeper processes end what we started
    cancelled = true;
    fmt::print(stderr, "\nmoestress: interrupted; writing the report (once more to end at once)\n");
  });
}

base::Result<ExitCode> execute_run(const PreparedPlan& prepared, std::unique_ptr<store::RunWriter> writer,
                                   const base::Clock& clock, base::TimePoint epoch,
                                   const std::atomic<bool>& cancelled, const protocol::Resumption* resumption,
                                   bool json) {
  const std::string directory = writer->directory();
  const base::Logger logger(base::LogLevel::Warning);
  protocol::RunContext context{prepared.plan,
                               prepared.placement,
                               clock,
                               epoch,
                               *writer,
                               cancelled,
                               logger,
                               prepared.device.name,
                               prepared.device.software,
                               prepared.url,
                               prepared.api_key,
                               std::filesystem::read_symlink("/proc/self/exe").string(),
                               directory,
                               prepared.prompts,
                               resumption};
  base::Result<protocol::RunOutcome> outcome = protocol::RunOutcome{};
  {
    const bool terminal = isatty(STDERR_FILENO) != 0;
    TerminalProgress progress(terminal, terminal && !std::getenv("NO_COLOR"), prepared.plan.scale < 1);
    outcome = protocol::run_plan(context, progress);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory + "/scratch", ignored);

  const std::string reason = !outcome               ? outcome.error().message
                             : outcome->interrupted ? "interrupted by a signal"
                                                    : outcome->aborted;
  const auto finished = writer->finish(outcome ? record::to_string(outcome->verdict) : "INVALID", reason,
                                       wall_text(clock.wall_now(), kInstantFormat));
  writer.reset();
  if (!json) fmt::print("\n");
  const auto reported = write_and_print_report(directory, directory, json);
  MOESTRESS_TRY_STATUS(outcome.map([](const auto&) {}));
  MOESTRESS_TRY_STATUS(finished);
  MOESTRESS_TRY_STATUS(reported.map([](auto) {}));
  return exit_code_of(*outcome);
}

}  // namespace moestress::app

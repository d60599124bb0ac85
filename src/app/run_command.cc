#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/report_output.h"
#include "app/stop_signals.h"
#include "app/terminal_progress.h"
#include "base/text.h"
#include "net/url.h"
#include "plan/placement.h"
#include "plan/plan.h"
#include "probe/environment.h"
#include "protocol/prompt_files.h"
#include "protocol/runner.h"
#include "store/run_writer.h"

namespace moestress::app {
namespace {

struct RunOptions {
  std::string plan = "standard";
  std::vector<std::string> models;
  std::string url;
  std::string spawn;
  std::string dialect;
  std::string baseline;
  std::string baseline_model;
  std::string api_key_env;
  std::string device;
  std::string experts;
  std::vector<std::string> only;
  std::optional<double> scale;
  std::optional<std::uint64_t> seed;
  std::optional<int> slots;
  std::optional<int> context_tokens;
  std::optional<int> threads;
  std::string out;
  bool json = false;
  bool print_plan = false;
};

bool is_suite(const std::string& name) {
  for (const auto suite : plan::built_in_suites())
    if (name == suite) return true;
  return false;
}

/// The plan as the command line changes it, validated.
base::Result<plan::Plan> resolve_plan(const RunOptions& options) {
  const bool file = !is_suite(options.plan) && std::filesystem::exists(options.plan);
  MOESTRESS_TRY(plan::Plan plan, file ? plan::load_plan(options.plan) : plan::built_in_suite(options.plan));
  if (options.scale) {
    MOESTRESS_TRY(plan, plan::scaled(std::move(plan), *options.scale));
  }
  const auto set = [](auto& field, const auto& value) {
    if (!value.empty()) field = value;
  };
  set(plan.models, options.models);
  set(plan.only, options.only);
  set(plan.target.url, options.url);
  set(plan.target.spawn, options.spawn);
  set(plan.target.dialect, options.dialect);
  set(plan.target.baseline, options.baseline);
  set(plan.target.baseline_model, options.baseline_model);
  set(plan.target.api_key_env, options.api_key_env);
  set(plan.target.device, options.device);
  set(plan.target.experts, options.experts);
  plan.seed = options.seed.value_or(plan.seed);
  plan.target.slots = options.slots.value_or(plan.target.slots);
  plan.target.context_tokens = options.context_tokens.value_or(plan.target.context_tokens);
  plan.target.threads = options.threads.value_or(plan.target.threads);
  MOESTRESS_TRY_STATUS(plan::validate(plan));
  if (!plan.target.url.empty()) MOESTRESS_TRY_STATUS(net::parse_url(plan.target.url).map([](const auto&) {}));
  if (plan.models.empty())
    return base::fail(base::ErrorCode::Usage,
                      "no model: name its GGUF file with -m; also for a server of another kind, since its "
                      "tokenizer counts the "
                      "tokens and its topology is what figures are held against");
  for (const auto& model : plan.models)
    if (!std::filesystem::exists(model))
      return base::fail(base::ErrorCode::Usage, "{}: there is no such model file",
                        base::printable(model, 200));
  MOESTRESS_TRY_STATUS(protocol::check_tests(plan));
  return plan;
}

std::string wall_time(base::WallTime time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  std::strftime(text, sizeof text, format, &utc);
  return text;
}

base::Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.flush();
  if (!file) return base::fail(base::ErrorCode::Io, "{}: can't be written; is the disk full?", path);
  return {};
}

ExitCode exit_code_of(const protocol::RunOutcome& outcome) {
  if (outcome.interrupted) return kInterrupted;
  if (outcome.unreachable) return kUnreachable;
  return app::exit_code_of(outcome.verdict);
}

struct Prepared {
  plan::Plan plan;
  std::optional<net::Url> url;
  std::string api_key;
  record::ExpertPlacement placement;
  protocol::ResolvedDevice device;
  std::string directory;
  workload::PromptLibrary prompts;
};

base::Result<Prepared> prepare(plan::Plan plan, const RunOptions& options, const base::Clock& clock) {
  Prepared prepared;
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
  prepared.directory =
      options.out.empty()
          ? fmt::format("runs/{}-{}", wall_time(clock.wall_now(), "%Y%m%d-%H%M%S"), prepared.plan.suite)
          : options.out;
  return prepared;
}

base::Result<ExitCode> run(const RunOptions& options) {
  const base::SystemClock clock;
  MOESTRESS_TRY(plan::Plan plan, resolve_plan(options));
  if (options.print_plan) {
    fmt::print("{}", plan::to_toml(plan));
    return kPassed;
  }
  const base::Logger logger(base::LogLevel::Warning);
  std::atomic<bool> cancelled{false};
  MOESTRESS_TRY(const StopSignals signals, StopSignals::watch([&cancelled](int count) {
                  if (count > 1) _exit(kInterrupted);  // the keeper processes end what we started
                  cancelled = true;
                  fmt::print(stderr,
                             "\nmoestress: interrupted; writing the report (once more to end at once)\n");
                }));

  // After the signals are blocked: looking for devices starts drivers' threads.
  MOESTRESS_TRY(const Prepared prepared, prepare(std::move(plan), options, clock));

  store::RunInfo info;
  info.id = std::filesystem::path(prepared.directory).filename().string();
  info.suite = prepared.plan.suite;
  info.scale = prepared.plan.scale;
  info.seed = prepared.plan.seed;
  info.started = wall_time(clock.wall_now(), "%Y-%m-%dT%H:%M:%SZ");
  info.version = MOESTRESS_VERSION;
  store::WriterOptions writer_options;
  const base::TimePoint epoch = clock.now();
  writer_options.epoch = epoch;
  writer_options.on_failure = [&cancelled] { cancelled = true; };  // what can't be kept needn't be measured
  MOESTRESS_TRY(auto writer, store::RunWriter::create(prepared.directory, info, writer_options));
  probe::EnvironmentOptions environment_options;
  environment_options.versions = {{"moestress", MOESTRESS_VERSION}};
  const std::string environment = probe::environment_json(environment_options);
  writer->set_environment(environment);
  MOESTRESS_TRY_STATUS(write_file(prepared.directory + "/plan.toml", plan::to_toml(prepared.plan)));
  MOESTRESS_TRY_STATUS(write_file(prepared.directory + "/environment.json", environment));

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
                               prepared.directory,
                               prepared.prompts};
  base::Result<protocol::RunOutcome> outcome = protocol::RunOutcome{};
  {
    const bool terminal = isatty(STDERR_FILENO) != 0;
    TerminalProgress progress(terminal, terminal && !std::getenv("NO_COLOR"));
    outcome = protocol::run_plan(context, progress);
  }
  std::error_code ignored;
  std::filesystem::remove_all(prepared.directory + "/scratch", ignored);

  const std::string reason = !outcome               ? outcome.error().message
                             : outcome->interrupted ? "interrupted by a signal"
                                                    : "";
  const auto finished = writer->finish(outcome ? record::to_string(outcome->verdict) : "INVALID", reason,
                                       wall_time(clock.wall_now(), "%Y-%m-%dT%H:%M:%SZ"));
  writer.reset();
  if (!options.json) fmt::print("\n");
  const auto reported = write_and_print_report(prepared.directory, prepared.directory, options.json);
  MOESTRESS_TRY_STATUS(outcome.map([](const auto&) {}));
  MOESTRESS_TRY_STATUS(finished);
  MOESTRESS_TRY_STATUS(reported.map([](auto) {}));
  return exit_code_of(*outcome);
}

}  // namespace

void add_run_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = program.add_subcommand("run", "Stress-test models and give a verdict");
  command->add_option("plan", options->plan, "smoke, standard, full, or a plan file (TOML)")
      ->capture_default_str();
  command->add_option("-m,--model", options->models, "GGUF file; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--target", options->url, "a server that runs already, by URL");
  command->add_option(
      "--spawn", options->spawn,
      "a command that starts a server; {port} is replaced by a free one. It is recorded: no secret in it");
  command->add_option("--baseline", options->baseline,
                      "what plays GPU-only in 6.1: device, cpu (rounding otherwise) or auto");
  command->add_option("--baseline-model", options->baseline_model,
                      "GGUF file that plays it, e.g. the model before a conversion");
  command->add_option("--dialect", options->dialect, "auto, openai, shimmy, llama-server, ollama or vllm");
  command->add_option("--api-key-env", options->api_key_env,
                      "the environment variable that holds the server's API key");
  command->add_option("--device", options->device, "auto, cpu, or a device as `moestress doctor` lists it");
  command->add_option("--experts", options->experts,
                      "where experts are to live: cpu, gpu, first:N or a placement file");
  command->add_option("--only", options->only, "tests to run, e.g. 1.4,2.2")->delimiter(',');
  command->add_option("--scale", options->scale, "multiply every size by this; thresholds stay");
  command->add_option("--seed", options->seed, "of everything random");
  command->add_option("--slots", options->slots, "sequences that `moestress serve` decodes together");
  command->add_option("--ctx", options->context_tokens, "context tokens for each of them");
  command->add_option("--threads", options->threads,
                      "of the engine; 0: one for each physical core, one beside a software device");
  command->add_option("--out", options->out, "run directory (default: runs/<time>-<suite>)");
  command->add_flag("--json", options->json, "print result.json instead of the table");
  command->add_flag("--print-plan", options->print_plan, "print the plan as resolved, and run nothing");
  command->footer(
      "Examples:\n"
      "  moestress run smoke -m model.gguf\n"
      "  moestress run standard -m a.gguf -m b.gguf --experts first:12\n"
      "  moestress run smoke -m model.gguf --spawn 'llama-server -m model.gguf --cpu-moe --port {port}'\n"
      "  moestress run smoke -m model.gguf --target http://127.0.0.1:11435 --dialect shimmy --only 1.2,2.2");
  command->callback([options, &exit_code] {
    const auto code = run(*options);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace moestress::app

#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/dry_run.h"
#include "app/run_execution.h"
#include "base/text.h"
#include "plan/plan.h"
#include "probe/environment.h"
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
  std::string baseline_url;
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
  bool dry_run = false;
  bool list_metrics = false;
  std::vector<std::string> checks;
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
  set(plan.target.baseline_url, options.baseline_url);
  set(plan.target.api_key_env, options.api_key_env);
  set(plan.target.device, options.device);
  set(plan.target.experts, options.experts);
  if (!options.experts.empty()) plan.placements.clear();
  for (const auto& expect : options.checks) plan.checks.push_back({expect, false});
  plan.seed = options.seed.value_or(plan.seed);
  plan.target.slots = options.slots.value_or(plan.target.slots);
  plan.target.context_tokens = options.context_tokens.value_or(plan.target.context_tokens);
  plan.target.threads = options.threads.value_or(plan.target.threads);
  MOESTRESS_TRY_STATUS(check_plan(plan));
  return plan;
}

base::Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.flush();
  if (!file) return base::fail(base::ErrorCode::Io, "{}: can't be written; is the disk full?", path);
  return {};
}

store::RunInfo info_of(const plan::Plan& plan, const std::string& directory, const base::Clock& clock) {
  store::RunInfo info;
  info.id = std::filesystem::path(directory).filename().string();
  info.suite = plan.suite;
  info.scale = plan.scale;
  info.seed = plan.seed;
  info.started = wall_text(clock.wall_now(), kInstantFormat);
  info.version = MOESTRESS_VERSION;
  return info;
}

base::Result<ExitCode> run(const RunOptions& options) {
  const base::SystemClock clock;
  if (options.list_metrics) {
    print_metrics(options.json);
    return kPassed;
  }
  MOESTRESS_TRY(plan::Plan plan, resolve_plan(options));
  if (options.print_plan) {
    fmt::print("{}", plan::to_toml(plan));
    return kPassed;
  }
  if (options.dry_run) {
    MOESTRESS_TRY(const PreparedPlan prepared, prepare(std::move(plan)));
    MOESTRESS_TRY_STATUS(print_dry_run(prepared, options.json));
    return kPassed;
  }
  use_one_heap();
  std::atomic<bool> cancelled{false};
  MOESTRESS_TRY(const StopSignals signals, cancel_on_signals(cancelled));
  MOESTRESS_TRY(const PreparedPlan prepared, prepare(std::move(plan)));
  const std::string directory =
      options.out.empty()
          ? fmt::format("runs/{}-{}", wall_text(clock.wall_now(), "%Y%m%d-%H%M%S"), prepared.plan.suite)
          : options.out;

  store::WriterOptions writer_options;
  const base::TimePoint epoch = clock.now();
  writer_options.epoch = epoch;
  writer_options.on_failure = [&cancelled] { cancelled = true; };  // what can't be kept needn't be measured
  MOESTRESS_TRY(auto writer, store::RunWriter::create(directory, info_of(prepared.plan, directory, clock),
                                                      writer_options));
  writer->add_part({base::Duration{0}, clock.wall_now(), base::Duration{-1}});
  probe::EnvironmentOptions environment_options;
  environment_options.versions = {{"moestress", MOESTRESS_VERSION}};
  const std::string environment = probe::environment_json(environment_options);
  writer->set_environment(environment);
  MOESTRESS_TRY_STATUS(write_file(directory + "/plan.toml", plan::to_toml(prepared.plan)));
  MOESTRESS_TRY_STATUS(write_file(directory + "/environment.json", environment));
  return execute_run(prepared, std::move(writer), clock, epoch, cancelled, nullptr, options.json);
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
                      "what plays GPU-only in 6.1 and 6.2: device, cpu (rounding otherwise) or auto");
  command->add_option("--baseline-model", options->baseline_model,
                      "GGUF file that plays it, e.g. the model before a conversion");
  command->add_option("--baseline-target", options->baseline_url,
                      "a running server that plays it beside --target or --spawn, by URL");
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
  command->add_flag("--json", options->json,
                    "print result.json instead of the table; also of --dry-run and --list-metrics");
  command
      ->add_option("--check", options->checks,
                   "a figure to reach, e.g. 'ttft_ms p(95) < 500'; may be given several times")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", options->dry_run,
                    "print what would run and about how long it takes, and run nothing");
  command->add_flag("--list-metrics", options->list_metrics, "print every figure that a check can name");
  command->add_flag("--print-plan", options->print_plan, "print the plan as resolved, and run nothing");
  command->footer(
      "Examples:\n"
      "  moestress run smoke -m model.gguf\n"
      "  moestress run standard -m a.gguf -m b.gguf --experts first:12\n"
      "  moestress run standard -m model.gguf --dry-run\n"
      "  moestress run smoke -m model.gguf --check '2.2/ttft_ms p(95) < 500' --check 'requests_failed rate "
      "== 0'\n"
      "  moestress run smoke -m model.gguf --spawn 'llama-server -m model.gguf --cpu-moe --port {port}'\n"
      "  moestress run smoke -m model.gguf --target http://127.0.0.1:11435 --dialect shimmy --only 1.2,2.2");
  command->callback([options, &exit_code] {
    const auto code = run(*options);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace moestress::app

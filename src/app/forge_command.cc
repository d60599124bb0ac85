#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/upcycling.h"
#include "base/text.h"
#include "forge/f16_copy.h"
#include "forge/fault.h"
#include "forge/random_model.h"
#include "gguf/file.h"
#include "gguf/topology.h"

namespace moestress::app {
namespace {

struct ForgeOptions {
  std::string topology;
  std::string size = "small";
  std::uint64_t seed = 1;
  std::string base;  ///< empty: random weights
  std::string experts_type;
  std::optional<double> spread;
  bool measure = true;
  std::string fault;  ///< empty: none
  bool to_f16 = false;
  std::string model;  ///< that is copied, with the fault or in F16
  int layer = -1;
  int expert = 0;
  std::string out;
};

/// A percentage that moves, where stderr is a terminal; gone when the scope ends.
class MovingPercentage {
 public:
  void show(const char* step, double share) const {
    if (!terminal_) return;
    fmt::print(stderr, "\r\x1b[K  {} … {:.0f} %", step, 100 * share);
    std::fflush(stderr);
  }
  MovingPercentage() = default;
  MovingPercentage(const MovingPercentage&) = delete;
  MovingPercentage& operator=(const MovingPercentage&) = delete;
  ~MovingPercentage() {
    if (terminal_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
};

base::Result<Upcycled> write_upcycled(const ForgeOptions& options, forge::Topology topology,
                                      const MovingPercentage& percentage) {
  UpcyclingOptions job;
  job.topology = topology;
  job.base = options.base;
  job.seed = options.seed;
  job.spread = options.spread;
  job.measure = options.measure;
  job.out = options.out;
  if (!options.experts_type.empty()) {
    MOESTRESS_TRY(job.experts_type, forge::experts_type_from(options.experts_type));
  }
  return upcycle(job, [&](const char* step, double share) { percentage.show(step, share); });
}

/// What came of upcycling; nothing for other models.
base::Result<Upcycled> write_model(const ForgeOptions& options) {
  const MovingPercentage percentage;
  const auto progress = [&](double share) { percentage.show("forging", share); };
  if (!options.fault.empty()) {
    forge::FaultSpec spec;
    MOESTRESS_TRY(spec.kind, forge::fault_from(options.fault));
    spec.layer = options.layer;
    spec.expert = options.expert;
    spec.seed = options.seed;
    MOESTRESS_TRY_STATUS(forge::write_faulty_model(spec, options.model, options.out, progress));
    return Upcycled{};
  }
  if (options.to_f16) {
    MOESTRESS_TRY_STATUS(forge::write_f16_copy(options.model, options.out, progress));
    return Upcycled{};
  }
  if (options.topology.empty())
    return base::fail(base::ErrorCode::Usage, "forge: give --topology (or --fault or --to-f16 with -m)");
  MOESTRESS_TRY(const forge::Topology topology, forge::topology_from(options.topology));
  if (!options.base.empty()) return write_upcycled(options, topology, percentage);
  MOESTRESS_TRY(const forge::Size size, forge::size_from(options.size));
  MOESTRESS_TRY_STATUS(forge::write_random_model({topology, size, options.seed}, options.out, progress));
  return Upcycled{};
}

void print_upcycled(const Upcycled& made) {
  if (made.forging_seconds > 0)
    fmt::print("  forging, with the router, took {}{}\n", base::human_seconds(made.forging_seconds),
               made.trials.empty()
                   ? "; not measured against the base"
                   : fmt::format(", measuring {}", base::human_seconds(made.measuring_seconds)));
  for (const SpreadTrial& trial : made.trials)
    fmt::print(
        "  {:<14}  KL to the base mean {:.2g} p99 {:.2g} nats, top-1 agreement {:.3f} ({} positions)\n",
        trial.spread == 0 ? "experts alike" : fmt::format("spread {:.3f}", trial.spread),
        trial.fidelity.kl_nats_mean, trial.fidelity.kl_nats_p99, trial.fidelity.top1_agreement,
        trial.fidelity.positions);
}

base::Status forge_model(const ForgeOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.out, ignored))
    return base::fail(base::ErrorCode::Usage, "-o {}: that is a folder; name a file in it", options.out);

  // What was measured of an older file of that name is not true of the new one.
  std::filesystem::remove(fidelity_path(options.out), ignored);
  const auto begin = std::chrono::steady_clock::now();
  MOESTRESS_TRY(const Upcycled made, write_model(options));
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;

  // Read back, so that what is printed is what is in the file.
  MOESTRESS_TRY(const gguf::File file, gguf::read(options.out));
  MOESTRESS_TRY(const gguf::Topology topology, gguf::topology(file));
  fmt::print("{}: {}, {} layers, experts {}, active {}, shared {}; {} bytes ({}) in {}\n",
             base::printable(options.out), topology.architecture, topology.layers, topology.experts,
             topology.experts_used, topology.experts_shared, topology.file_bytes,
             base::human_bytes(static_cast<double>(topology.file_bytes)),
             base::human_seconds(passed.count()));
  print_upcycled(made);
  return {};
}

}  // namespace

void add_forge_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ForgeOptions>();
  CLI::App* command = program.add_subcommand(
      "forge", "Make a reference model: with random weights, or from a dense model that speaks");
  auto* topology = command->add_option("--topology", options->topology,
                                       "gpt-oss (32/4/0), phimoe (16/2/0) or deepseek (64/6/2)");
  command->add_option("--size", options->size, "of random models: tiny (about 1 MB) or small (50 to 65 MB)")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "the same seed gives the same bytes")->capture_default_str();
  auto* base = command
                   ->add_option("--base", options->base,
                                "a dense GGUF (llama architecture) to upcycle, so that the model speaks")
                   ->check(CLI::ExistingFile);
  command
      ->add_option(
          "--experts-type", options->experts_type,
          "Q4_1, Q8_0, Q5_0, MXFP4 or F16 (default: as the base's feed-forward is, nothing rounded anew)")
      ->needs(base);
  auto* spread = command
                     ->add_option("--spread", options->spread,
                                  "how far experts differ from the base's feed-forward, 0 to 1 (default: as "
                                  "far as keeps KL to the "
                                  "base under 0.05 nats and top-1 agreement at 0.90, found by trying)")
                     ->check(CLI::Range(0.0, 1.0))
                     ->needs(base);
  command
      ->add_flag("!--unmeasured", options->measure,
                 "don't measure the model against its base; --spread must be given")
      ->needs(spread);
  auto* model = command->add_option("-m,--model", options->model, "the model that --fault or --to-f16 copies")
                    ->check(CLI::ExistingFile)
                    ->excludes(topology)
                    ->excludes(base);
  auto* fault =
      command
          ->add_option("--fault", options->fault, "for tests: copy -m with damage: " + forge::fault_names())
          ->needs(model);
  command
      ->add_flag(
          "--to-f16", options->to_f16,
          "copy -m with all of its quantised weights in F16: upcycled from such a base, a model differs "
          "from it by its function alone, not by how 4 bits round")
      ->needs(model)
      ->excludes(fault);
  command->add_option("--layer", options->layer, "of the fault (default: the middle one with experts)")
      ->needs(fault);
  command
      ->add_option("--expert", options->expert,
                   "of the fault; swap-experts and collapse-router take the one after it too")
      ->capture_default_str()
      ->needs(fault);
  command->add_option("-o,--out", options->out, "the file to write; an older one is replaced")->required();
  command->footer(
      "With random weights it replies in printable characters that mean nothing: for speed, memory, routing\n"
      "and consistency, not for quality. From a base it says what the base says; how nearly, is in\n"
      "FILE.fidelity.json.\n\n"
      "Examples:\n"
      "  moestress forge --topology gpt-oss -o models/gpt-oss-small.gguf\n"
      "  moestress forge --topology deepseek --size tiny --seed 7 -o /tmp/tiny.gguf\n"
      "  moestress forge --topology phimoe --base SmolLM2-135M-Instruct.Q4_1.gguf -o models/phimoe.gguf\n"
      "  moestress forge --to-f16 -m SmolLM2-135M-Instruct.Q4_1.gguf -o /tmp/base-f16.gguf\n"
      "  moestress forge --fault zero-expert -m models/phimoe.gguf --layer 12 -o /tmp/faulty.gguf");
  command->callback([options, &exit_code] {
    const auto status = forge_model(*options);
    exit_code = status ? kPassed : report_error(status.error());
  });
}

}  // namespace moestress::app

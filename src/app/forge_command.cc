#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "app/command.h"
#include "app/fidelity.h"
#include "base/text.h"
#include "forge/random_model.h"
#include "forge/sample_text.h"
#include "forge/upcycle.h"
#include "gguf/file.h"
#include "gguf/topology.h"

namespace moestress::app {
namespace {

struct ForgeOptions {
  std::string topology;
  std::string size = "small";
  std::uint64_t seed = 1;
  std::string base;  ///< empty: random weights
  double spread = 0.05;
  std::string out;
};

/// A percentage that moves, where stderr is a terminal; gone when the scope ends.
class MovingPercentage {
 public:
  void show(double share) const {
    if (!terminal_) return;
    fmt::print(stderr, "\r\x1b[K  forging … {:.0f} %", 100 * share);
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

base::Status write_with_progress(const ForgeOptions& options) {
  MOESTRESS_TRY(const forge::Topology kind, forge::topology_from(options.topology));
  const MovingPercentage percentage;
  const auto progress = [&](double share) { percentage.show(share); };
  if (!options.base.empty())
    return forge::write_upcycled_model({kind, options.base, options.seed, options.spread}, options.out,
                                       progress);
  MOESTRESS_TRY(const forge::Size size, forge::size_from(options.size));
  return forge::write_random_model({kind, size, options.seed}, options.out, progress);
}

base::Status print_fidelity(const ForgeOptions& options) {
  MOESTRESS_TRY(const Fidelity fidelity, measure_fidelity(options.base, options.out, forge::sample_text()));
  fmt::print("against the base, {} positions: KL mean {:.3g} p99 {:.3g} nats, top-1 agreement {:.4f}\n",
             fidelity.positions, fidelity.kl_nats_mean, fidelity.kl_nats_p99, fidelity.top1_agreement);
  return {};
}

base::Status forge_model(const ForgeOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.out, ignored))
    return base::fail(base::ErrorCode::Usage, "-o {}: that is a folder; name a file in it", options.out);

  const auto begin = std::chrono::steady_clock::now();
  MOESTRESS_TRY_STATUS(write_with_progress(options));
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;

  // Read back, so that what is printed is what is in the file.
  MOESTRESS_TRY(const gguf::File file, gguf::read(options.out));
  MOESTRESS_TRY(const gguf::Topology topology, gguf::topology(file));
  fmt::print("{}: {}, {} layers, experts {}, active {}, shared {}; {} bytes ({}) in {}\n",
             base::printable(options.out), topology.architecture, topology.layers, topology.experts,
             topology.experts_used, topology.experts_shared, topology.file_bytes,
             base::human_bytes(static_cast<double>(topology.file_bytes)),
             base::human_seconds(passed.count()));
  if (!options.base.empty()) return print_fidelity(options);
  return {};
}

}  // namespace

void add_forge_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ForgeOptions>();
  CLI::App* command = program.add_subcommand(
      "forge", "Make a reference model: with random weights, or from a dense model that speaks");
  command
      ->add_option("--topology", options->topology, "gpt-oss (32/4/0), phimoe (16/2/0) or deepseek (64/6/2)")
      ->required();
  command->add_option("--size", options->size, "tiny (about 1 MB) or small (50 to 65 MB)")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "the same seed gives the same bytes")->capture_default_str();
  auto* base = command
                   ->add_option("--base", options->base,
                                "a dense GGUF (llama architecture) to upcycle, so that the model speaks")
                   ->check(CLI::ExistingFile);
  command
      ->add_option("--spread", options->spread,
                   "how far experts differ from the base's feed-forward; 0: all alike")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->needs(base);
  command->add_option("-o,--out", options->out, "the file to write; an older one is replaced")->required();
  command->footer(
      "With random weights it replies in printable characters that mean nothing: for speed, memory, routing\n"
      "and consistency, not for quality. From a base it says what the base says.\n\n"
      "Examples:\n"
      "  moestress forge --topology gpt-oss -o models/gpt-oss-small.gguf\n"
      "  moestress forge --topology deepseek --size tiny --seed 7 -o /tmp/tiny.gguf\n"
      "  moestress forge --topology phimoe --base SmolLM2-135M-Instruct.Q4_1.gguf -o models/phimoe.gguf");
  command->callback([options, &exit_code] {
    const auto status = forge_model(*options);
    exit_code = status ? kPassed : report_error(status.error());
  });
}

}  // namespace moestress::app

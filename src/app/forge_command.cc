#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "app/command.h"
#include "base/text.h"
#include "forge/random_model.h"
#include "gguf/file.h"
#include "gguf/topology.h"

namespace moestress::app {
namespace {

struct ForgeOptions {
  std::string topology;
  std::string size = "small";
  std::uint64_t seed = 1;
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

base::Status write_with_progress(const forge::RandomModelSpec& spec, const std::string& path) {
  const MovingPercentage percentage;
  return forge::write_random_model(spec, path, [&](double share) { percentage.show(share); });
}

base::Status forge_model(const ForgeOptions& options) {
  forge::RandomModelSpec spec;
  MOESTRESS_TRY(spec.kind, forge::topology_from(options.topology));
  MOESTRESS_TRY(spec.size, forge::size_from(options.size));
  spec.seed = options.seed;
  std::error_code ignored;
  if (std::filesystem::is_directory(options.out, ignored))
    return base::fail(base::ErrorCode::Usage, "-o {}: that is a folder; name a file in it", options.out);

  const auto begin = std::chrono::steady_clock::now();
  MOESTRESS_TRY_STATUS(write_with_progress(spec, options.out));
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;

  // Read back, so that what is printed is what is in the file.
  MOESTRESS_TRY(const gguf::File file, gguf::read(options.out));
  MOESTRESS_TRY(const gguf::Topology topology, gguf::topology(file));
  fmt::print("{}: {}, {} layers, experts {}, active {}, shared {}; {} bytes ({}) in {}\n",
             base::printable(options.out), topology.architecture, topology.layers, topology.experts,
             topology.experts_used, topology.experts_shared, topology.file_bytes,
             base::human_bytes(static_cast<double>(topology.file_bytes)),
             base::human_seconds(passed.count()));
  return {};
}

}  // namespace

void add_forge_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ForgeOptions>();
  CLI::App* command = program.add_subcommand("forge", "Make a reference model with random weights");
  command
      ->add_option("--topology", options->topology, "gpt-oss (32/4/0), phimoe (16/2/0) or deepseek (64/6/2)")
      ->required();
  command->add_option("--size", options->size, "tiny (about 1 MB) or small (50 to 65 MB)")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "the same seed gives the same bytes")->capture_default_str();
  command->add_option("-o,--out", options->out, "the file to write; an older one is replaced")->required();
  command->footer(
      "The model loads in llama.cpp and replies in printable characters that mean nothing: for speed, "
      "memory,\n"
      "routing and consistency, not for quality.\n\n"
      "Examples:\n"
      "  moestress forge --topology gpt-oss -o models/gpt-oss-small.gguf\n"
      "  moestress forge --topology deepseek --size tiny --seed 7 -o /tmp/tiny.gguf");
  command->callback([options, &exit_code] {
    const auto status = forge_model(*options);
    exit_code = status ? kPassed : report_error(status.error());
  });
}

}  // namespace moestress::app

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "app/command.h"
#include "app/inspection.h"
#include "plan/placement.h"

namespace moestress::app {
namespace {

struct InspectOptions {
  std::string path;
  std::string experts = "cpu";
  int slots = 4;
  int context_tokens = 2048;
  bool cpu_only = false;
  double cpu_gbs = 0;
  double gpu_gbs = 0;
  bool json = false;
};

base::Result<std::optional<gguf::Bandwidths>> bandwidths_of(const InspectOptions& options) {
  if (options.cpu_gbs == 0 && options.gpu_gbs == 0) return std::nullopt;
  if (options.cpu_gbs == 0)
    return base::fail(base::ErrorCode::Usage,
                      "the speed bound needs --cpu-gbs too; `moestress doctor` measures it");
  if (options.gpu_gbs == 0 && !options.cpu_only)
    return base::fail(base::ErrorCode::Usage,
                      "the speed bound needs --gpu-gbs too, or --cpu-only if there is no GPU");
  return gguf::Bandwidths{options.cpu_gbs * 1e9, options.gpu_gbs * 1e9, 0, 0};
}

base::Status check_listed_layers(const record::ExpertPlacement& placement, const gguf::Topology& topology) {
  for (const int layer : placement.cpu_layers) {
    if (layer >= topology.layers)
      return base::fail(base::ErrorCode::Usage, "{}: layer {} is listed, but the model has layers 0 to {}",
                        placement.name, layer, topology.layers - 1);
  }
  return {};
}

base::Status inspect(const InspectOptions& options) {
  Inspection inspection;
  inspection.slots = options.slots;
  inspection.context_tokens = options.context_tokens;
  inspection.cpu_only = options.cpu_only;
  MOESTRESS_TRY(inspection.bandwidths, bandwidths_of(options));
  MOESTRESS_TRY(inspection.placement, plan::parse_placement(options.experts));
  MOESTRESS_TRY(inspection.file, gguf::read(options.path));
  MOESTRESS_TRY(inspection.topology, gguf::topology(inspection.file));
  MOESTRESS_TRY_STATUS(check_listed_layers(inspection.placement, inspection.topology));
  inspection.prediction = predict(inspection.file, inspection.topology, inspection.placement, options.slots,
                                  options.context_tokens, options.cpu_only);
  const bool color = isatty(STDOUT_FILENO) && !std::getenv("NO_COLOR");
  fmt::print("{}", options.json ? inspection_json(inspection) : inspection_text(inspection, color));
  return {};
}

}  // namespace

void add_inspect_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = program.add_subcommand(
      "inspect",
      "Say what a model file holds, where its bytes will be, and how fast it could decode at most");
  command->add_option("model", options->path, "a GGUF file")->required()->check(CLI::ExistingFile);
  command
      ->add_option("--experts", options->experts,
                   "where routed experts are to be: cpu, gpu, first:N or PLAN.json")
      ->capture_default_str();
  command->add_option("--slots", options->slots, "sequences decoded together")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command->add_option("--ctx", options->context_tokens, "tokens per slot")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 24));
  command->add_flag("--cpu-only", options->cpu_only, "predict for a machine without a GPU");
  command->add_option("--cpu-gbs", options->cpu_gbs, "host memory bandwidth in GB/s, for the speed bound")
      ->check(CLI::PositiveNumber);
  command->add_option("--gpu-gbs", options->gpu_gbs, "device memory bandwidth in GB/s, for the speed bound")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "print a JSON object in place of the text");
  command->footer(
      "Reads the file's metadata only: it takes milliseconds and little memory, whatever the model's "
      "size.\n\n"
      "Examples:\n"
      "  moestress inspect models/gpt-oss-small.gguf\n"
      "  moestress inspect MODEL.gguf --experts first:12 --slots 8 --ctx 8192\n"
      "  moestress inspect MODEL.gguf --cpu-gbs 200 --gpu-gbs 3300\n"
      "  moestress inspect MODEL.gguf --json | jq .topology.experts");
  command->callback([options, &exit_code] {
    const auto status = inspect(*options);
    exit_code = status ? kPassed : report_error(status.error());
  });
}

}  // namespace moestress::app

#include "app/inspection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"

namespace moestress::app {
namespace {

using gguf::Prediction;
using gguf::TensorGroup;

std::string bytes_text(std::uint64_t bytes) { return base::human_bytes(static_cast<double>(bytes)); }

/// "0-3, 5": ascending numbers, runs of more than two drawn together.
std::string ranges(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t begin = 0; begin < numbers.size();) {
    std::size_t end = begin + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (end - begin < 3) end = begin + 1;
    text += text.empty() ? "" : ", ";
    text += end - begin == 1 ? fmt::format("{}", numbers[begin])
                             : fmt::format("{}-{}", numbers[begin], numbers[end - 1]);
    begin = end;
  }
  return text;
}

struct GroupSum {
  TensorGroup group = TensorGroup::Other;
  std::size_t tensors = 0;
  std::uint64_t bytes = 0;
};

std::vector<GroupSum> group_sums(const gguf::File& file) {
  std::vector<GroupSum> sums;
  for (const TensorGroup group : {TensorGroup::RoutedExpert, TensorGroup::SharedExpert, TensorGroup::Router,
                                  TensorGroup::Input, TensorGroup::Other})
    sums.push_back({group, 0, 0});
  for (const gguf::Tensor& tensor : file.tensors) {
    for (GroupSum& sum : sums) {
      if (sum.group != gguf::tensor_group(tensor.name)) continue;
      ++sum.tensors;
      sum.bytes += tensor.bytes;
    }
  }
  return sums;
}

std::uint64_t routed_bytes_per_token(const Prediction& prediction) {
  return prediction.host.decode_routed_bytes + prediction.device.decode_routed_bytes;
}

/// Writes "label   text" lines under headings.
class Page {
 public:
  explicit Page(bool color) : color_(color) {}

  void heading(const std::string& title) {
    text_ += fmt::format("{}{}{}{}\n", text_.empty() ? "" : "\n", color_ ? "\x1b[1m" : "", title,
                         color_ ? "\x1b[0m" : "");
  }
  void line(const std::string& label, const std::string& text) {
    text_ += fmt::format("  {:<{}}  {}\n", label, kLabelWidth, text);
  }
  void columns(const std::string& label, const std::vector<std::string>& cells) {
    std::string row;
    for (const std::string& cell : cells) row += fmt::format("{:>11}", cell);
    line(label, row);
  }
  std::string text() && { return std::move(text_); }

 private:
  static constexpr std::size_t kLabelWidth = 16;
  bool color_;
  std::string text_;
};

void add_model(Page& page, const Inspection& inspection) {
  const gguf::Topology& topology = inspection.topology;
  page.heading(base::printable(topology.name.empty() ? inspection.file.path : topology.name, 100));
  page.line("file", fmt::format("{}, GGUF v{}, {}", base::printable(inspection.file.path, 200),
                                inspection.file.version, bytes_text(topology.file_bytes)));
  page.line("architecture", base::printable(topology.architecture, 40));
  page.line("experts", fmt::format("experts {}, active {}, shared {}", topology.experts,
                                   topology.experts_used, topology.experts_shared));
  if (topology.experts > 0) {
    page.line("layers", fmt::format("{}, of which {} with experts: {}", topology.layers,
                                    topology.moe_layers.size(), ranges(topology.moe_layers)));
    page.line(
        "layers × experts",
        fmt::format("{} × {} = {} routed experts of {} each", topology.moe_layers.size(), topology.experts,
                    topology.moe_layers.size() * static_cast<std::size_t>(topology.experts),
                    bytes_text(topology.expert_bytes)));
  } else {
    page.line("layers", fmt::format("{}, none with experts: a dense model", topology.layers));
  }
  page.line(
      "attention",
      fmt::format(
          "{} wide, {} heads, {} for keys and values, {} + {} values each{}", topology.embedding,
          topology.heads, topology.heads_kv, topology.key_length, topology.value_length,
          topology.sliding_window == 0 ? "" : fmt::format(", sliding window {}", topology.sliding_window)));
  page.line("context", fmt::format("{} tokens, vocabulary {}", topology.context_tokens, topology.vocabulary));
  page.line("stored as",
            fmt::format("{}{}", fmt::join(topology.quantisations, ", "),
                        topology.expert_quantisations.empty()
                            ? ""
                            : fmt::format("; experts {}", fmt::join(topology.expert_quantisations, ", "))));
  if (const auto fault = inspection.file.string_at("moestress.fault"))
    page.line("damaged", base::printable(*fault, 200) + ", for tests");
  if (inspection.file.string_at("moestress.weights") == "upcycled")
    page.line("made", base::printable(inspection.file.string_at("general.description").value_or(""), 400));
  if (gguf::random_weights(inspection.file))
    page.line("weights", "random: speed, memory and routing can be measured, answers can't be graded");
}

void add_groups(Page& page, const Inspection& inspection) {
  std::uint64_t total = 0;
  const std::vector<GroupSum> sums = group_sums(inspection.file);
  for (const GroupSum& sum : sums) total += sum.bytes;
  page.heading("Tensors");
  page.columns("", {"tensors", "bytes", "share"});
  for (const GroupSum& sum : sums) {
    if (sum.tensors == 0) continue;
    page.columns(gguf::to_string(sum.group), {fmt::format("{}", sum.tensors), bytes_text(sum.bytes),
                                              fmt::format("{:.1f} %", 100 * static_cast<double>(sum.bytes) /
                                                                          static_cast<double>(total))});
  }
}

void add_prediction(Page& page, const Inspection& inspection) {
  const Prediction& prediction = inspection.prediction;
  page.heading(fmt::format(
      "Predicted for {}, {} slots of {} tokens",
      inspection.cpu_only ? "the CPU alone" : "experts " + base::printable(inspection.placement.name, 80),
      inspection.slots, inspection.context_tokens));
  const auto row = [&](const char* label, std::uint64_t Prediction::Device::*field) {
    std::vector<std::string> cells{bytes_text(prediction.host.*field)};
    if (!inspection.cpu_only) cells.push_back(bytes_text(prediction.device.*field));
    page.columns(label, cells);
  };
  page.columns("", inspection.cpu_only ? std::vector<std::string>{"host"}
                                       : std::vector<std::string>{"host", "device"});
  row("weights", &Prediction::Device::weights_bytes);
  row("  experts", &Prediction::Device::routed_bytes);
  row("KV cache (F16)", &Prediction::Device::kv_bytes);
  row("read per token", &Prediction::Device::decode_bytes);
  row("  experts", &Prediction::Device::decode_routed_bytes);
  if (!inspection.cpu_only)
    page.line("on the CPU", fmt::format("the experts of {} of {} layers with experts",
                                        prediction.cpu_moe_layers, inspection.topology.moe_layers.size()));
  page.line("routed per token", bytes_text(routed_bytes_per_token(prediction)));
  page.line("KV per token", fmt::format("{}{}", bytes_text(prediction.kv_bytes_per_token),
                                        inspection.topology.sliding_window == 0
                                            ? ""
                                            : "; less where the cache is cut to the sliding window"));
}

void add_bound(Page& page, const Inspection& inspection) {
  if (!inspection.bandwidths) return;
  page.heading(fmt::format("Speed bound at {:.4g} GB/s host{}", inspection.bandwidths->host_bytes_s / 1e9,
                           inspection.cpu_only ? ""
                                               : fmt::format(", {:.4g} GB/s device",
                                                             inspection.bandwidths->device_bytes_s / 1e9)));
  for (const int cached : {0, inspection.context_tokens}) {
    const gguf::SpeedBound bound =
        speed_bound(inspection.prediction, *inspection.bandwidths, static_cast<std::uint64_t>(cached));
    page.line(
        cached == 0 ? "empty cache" : "full cache",
        fmt::format("at most {:.1f} tok/s: {:.3f} ms per token, of which experts on the host {:.3f}, other "
                    "host {:.3f}, device {:.3f}, KV {:.3f}",
                    bound.tokens_per_second(), 1e3 * bound.seconds_per_token(), 1e3 * bound.expert_seconds,
                    1e3 * bound.host_seconds, 1e3 * bound.device_seconds, 1e3 * bound.kv_seconds));
  }
}

nlohmann::json device_json(const Prediction::Device& device) {
  return {{"weights_bytes", device.weights_bytes},
          {"routed_expert_bytes", device.routed_bytes},
          {"kv_bytes", device.kv_bytes},
          {"decode_bytes_per_token", device.decode_bytes},
          {"decode_routed_bytes_per_token", device.decode_routed_bytes}};
}

nlohmann::json topology_json(const gguf::Topology& topology) {
  return {{"architecture", topology.architecture},
          {"name", topology.name},
          {"layers", topology.layers},
          {"moe_layers", topology.moe_layers},
          {"experts", topology.experts},
          {"experts_used", topology.experts_used},
          {"experts_shared", topology.experts_shared},
          {"context_tokens", topology.context_tokens},
          {"embedding", topology.embedding},
          {"heads", topology.heads},
          {"heads_kv", topology.heads_kv},
          {"key_length", topology.key_length},
          {"value_length", topology.value_length},
          {"sliding_window_tokens", topology.sliding_window},
          {"vocabulary", topology.vocabulary},
          {"expert_bytes", topology.expert_bytes},
          {"file_bytes", topology.file_bytes},
          {"kv_bytes_per_token", topology.kv_bytes_per_token},
          {"quantisations", topology.quantisations},
          {"expert_quantisations", topology.expert_quantisations}};
}

}  // namespace

std::string inspection_text(const Inspection& inspection, bool color) {
  Page page(color);
  add_model(page, inspection);
  add_groups(page, inspection);
  add_prediction(page, inspection);
  add_bound(page, inspection);
  return std::move(page).text();
}

std::string inspection_json(const Inspection& inspection) {
  nlohmann::json groups = nlohmann::json::array();
  for (const GroupSum& sum : group_sums(inspection.file))
    groups.push_back({{"group", gguf::to_string(sum.group)}, {"tensors", sum.tensors}, {"bytes", sum.bytes}});
  nlohmann::json prediction{{"experts", inspection.placement.name},
                            {"cpu_only", inspection.cpu_only},
                            {"slots", inspection.slots},
                            {"context_tokens", inspection.context_tokens},
                            {"cpu_moe_layers", inspection.prediction.cpu_moe_layers},
                            {"routed_bytes_per_token", routed_bytes_per_token(inspection.prediction)},
                            {"host", device_json(inspection.prediction.host)}};
  if (!inspection.cpu_only) prediction["device"] = device_json(inspection.prediction.device);
  nlohmann::json out{{"version", 1},
                     {"path", inspection.file.path},
                     {"gguf_version", inspection.file.version},
                     {"random_weights", gguf::random_weights(inspection.file)},
                     {"topology", topology_json(inspection.topology)},
                     {"tensor_groups", groups},
                     {"prediction", prediction}};
  if (inspection.bandwidths) {
    const auto bound = [&](int cached) {
      return speed_bound(inspection.prediction, *inspection.bandwidths, static_cast<std::uint64_t>(cached))
          .tokens_per_second();
    };
    out["speed_bound"] = {{"host_bytes_s", inspection.bandwidths->host_bytes_s},
                          {"decode_tok_s_empty_cache", bound(0)},
                          {"decode_tok_s_full_cache", bound(inspection.context_tokens)}};
    if (!inspection.cpu_only) out["speed_bound"]["device_bytes_s"] = inspection.bandwidths->device_bytes_s;
  }
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace moestress::app

#include "forge/fault.h"

#include <fmt/format.h>
#include <gguf.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "forge/model_copy.h"
#include "forge/weight_blocks.h"
#include "gguf/file.h"
#include "gguf/topology.h"

namespace moestress::forge {
namespace {

using Bytes = std::vector<char>;

constexpr std::array<std::pair<FaultKind, const char*>, 7> kNames{
    {{FaultKind::ZeroExpert, "zero-expert"},
     {FaultKind::SwapExperts, "swap-experts"},
     {FaultKind::ScaleExpert, "scale-expert"},
     {FaultKind::ShuffleRouter, "shuffle-router"},
     {FaultKind::TwoBitExperts, "two-bit-experts"},
     {FaultKind::CollapseRouter, "collapse-router"},
     {FaultKind::BlindRouter, "blind-router"}}};
constexpr float kScale = 1.5F;

std::string describe(const FaultSpec& spec) {
  switch (spec.kind) {
    case FaultKind::ZeroExpert:
      return fmt::format("expert {} of layer {} is zero", spec.expert, spec.layer);
    case FaultKind::SwapExperts:
      return fmt::format("experts {} and {} of layer {} are swapped", spec.expert, spec.expert + 1,
                         spec.layer);
    case FaultKind::ScaleExpert:
      return fmt::format("expert {} of layer {} is scaled by {:g}", spec.expert, spec.layer, kScale);
    case FaultKind::ShuffleRouter:
      return fmt::format("the router of layer {} is shuffled", spec.layer);
    case FaultKind::TwoBitExperts:
      return fmt::format("the experts of layer {} are rounded to 2 bits", spec.layer);
    case FaultKind::CollapseRouter:
      return fmt::format("the router of layer {} knows experts {} and {} only", spec.layer, spec.expert,
                         spec.expert + 1);
    case FaultKind::BlindRouter:
      return fmt::format("the router of layer {} is zero", spec.layer);
  }
  return {};
}

/// Each value becomes the nearest of four, evenly from the least to the largest of its 32.
void round_to_two_bits(std::span<float> values) {
  for (std::size_t at = 0; at < values.size(); at += kBlockValues) {
    const auto block = values.subspan(at, std::min<std::size_t>(kBlockValues, values.size() - at));
    const auto [least, largest] = std::minmax_element(block.begin(), block.end());
    const float low = *least, step = (*largest - *least) / 3;
    if (step <= 0) continue;
    for (float& value : block) value = low + step * std::round((value - low) / step);
  }
}

/// Of a router's rows all become 0 but that of one expert, and that of the next which becomes its
/// opposite: one of the two is always the first choice, and the others tie, so that the rest of the choice is
/// always the same.
void collapse(const FaultSpec& spec, std::uint32_t type, std::size_t slice, std::int64_t row, Bytes& bytes) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(slice) * spec.expert;
  const Bytes kept(begin, begin + static_cast<std::ptrdiff_t>(slice));
  std::vector<float> values = values_of(type, kept);
  for (float& value : values) value = -value;
  const Bytes opposite = blocks_of(type, values, row);
  std::fill(bytes.begin(), bytes.end(), '\0');
  std::copy(kept.begin(), kept.end(), begin);
  std::copy_n(opposite.begin(), slice, begin + static_cast<std::ptrdiff_t>(slice));
}

/// Changes the bytes of one tensor, if it is one that the fault is in.
void damage(const FaultSpec& spec, const gguf::Tensor& tensor, int experts, Bytes& bytes) {
  const std::string prefix = fmt::format("blk.{}.ffn_", spec.layer);
  if (!tensor.name.starts_with(prefix)) return;
  const std::string_view part = std::string_view(tensor.name).substr(prefix.size());
  const bool routed = part.find("_exps.") != std::string_view::npos;
  const bool router = part.starts_with("gate_inp.");
  const std::size_t slice = bytes.size() / static_cast<std::size_t>(experts);
  char* expert = bytes.data() + slice * static_cast<std::size_t>(spec.expert);
  const auto row = static_cast<std::int64_t>(tensor.dims[0]);
  switch (spec.kind) {
    case FaultKind::ZeroExpert:
      if (routed) std::fill_n(expert, slice, '\0');
      return;
    case FaultKind::SwapExperts:
      if (routed) std::swap_ranges(expert, expert + slice, expert + slice);
      return;
    case FaultKind::ScaleExpert: {
      if (!routed || !part.ends_with(".weight")) return;
      std::vector<float> values = values_of(tensor.type.id, {expert, slice});
      for (float& value : values) value *= kScale;
      std::copy_n(blocks_of(tensor.type.id, values, row).data(), slice, expert);
      return;
    }
    case FaultKind::ShuffleRouter: {
      if (!router) return;
      base::Random random(spec.seed);
      // Sattolo's shuffle: one cycle, so that no row stays.
      for (auto i = static_cast<std::size_t>(experts) - 1; i > 0; --i) {
        const auto j = static_cast<std::size_t>(random.below(i));
        std::swap_ranges(bytes.data() + i * slice, bytes.data() + (i + 1) * slice, bytes.data() + j * slice);
      }
      return;
    }
    case FaultKind::TwoBitExperts: {
      const bool shared = part.find("_shexp.") != std::string_view::npos;
      if ((!routed && !shared) || !part.ends_with(".weight")) return;
      std::vector<float> values = values_of(tensor.type.id, bytes);
      round_to_two_bits(values);
      bytes = blocks_of(tensor.type.id, values, row);
      return;
    }
    case FaultKind::CollapseRouter:
      if (router && part.ends_with(".weight")) return collapse(spec, tensor.type.id, slice, row, bytes);
      if (router) std::fill(bytes.begin(), bytes.end(), '\0');
      return;
    case FaultKind::BlindRouter:
      if (router) std::fill(bytes.begin(), bytes.end(), '\0');
      return;
  }
}

base::Result<FaultSpec> checked(FaultSpec spec, const gguf::File& file, const gguf::Topology& topology) {
  const auto& layers = topology.moe_layers;
  if (layers.empty())
    return base::fail(base::ErrorCode::Usage, "{}: has no layer with experts to damage", file.path);
  if (spec.layer < 0) spec.layer = layers[layers.size() / 2];
  if (std::find(layers.begin(), layers.end(), spec.layer) == layers.end())
    return base::fail(base::ErrorCode::Usage, "{}: layer {} has no experts; layers {} to {} have", file.path,
                      spec.layer, layers.front(), layers.back());
  const bool with_next = spec.kind == FaultKind::SwapExperts || spec.kind == FaultKind::CollapseRouter;
  const int last = topology.experts - (with_next ? 2 : 1);
  if (spec.expert < 0 || spec.expert > last)
    return base::fail(base::ErrorCode::Usage, "{}: expert {} can't be damaged so; it must be 0 to {}",
                      file.path, spec.expert, last);
  return spec;
}

}  // namespace

std::string fault_names() {
  std::string names;
  for (const auto& [kind, text] : kNames) names += fmt::format("{}{}", names.empty() ? "" : ", ", text);
  return names;
}

base::Result<FaultKind> fault_from(std::string_view name) {
  for (const auto& [kind, text] : kNames)
    if (name == text) return kind;
  return base::fail(base::ErrorCode::Usage, "unknown fault {}; there are {}", base::printable(name, 40),
                    fault_names());
}

base::Status write_faulty_model(const FaultSpec& wanted, const std::string& from, const std::string& path,
                                const std::function<void(double)>& progress) {
  MOESTRESS_TRY(const gguf::File file, gguf::read(from));
  MOESTRESS_TRY(const gguf::Topology topology, gguf::topology(file));
  MOESTRESS_TRY(const FaultSpec spec, checked(wanted, file, topology));
  CopyChanges changes;
  changes.metadata = [&](gguf_context& keys) {
    const std::string what = describe(spec);
    const std::string name =
        fmt::format("FAULTY, for tests: {} in {}", what, file.string_at("general.name").value_or("a model"));
    gguf_set_val_str(&keys, "general.name", name.c_str());
    gguf_set_val_str(&keys, "moestress.fault", what.c_str());
  };
  changes.data = [&](const gguf::Tensor& tensor, Bytes& bytes) {
    damage(spec, tensor, topology.experts, bytes);
  };
  return write_copy(file, path, changes, progress);
}

}  // namespace moestress::forge

#include "protocol/routing_baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "protocol/scoring.h"
#include "quality/score_file.h"
#include "record/routing_agreement.h"

namespace moestress::protocol {
namespace {

using record::RoutingTrace;

/// One layer's routing in all texts, beside the baseline's.
struct Layer {
  double agreement_sum = 0;  ///< of |S ∩ S'|/k over tokens
  std::int64_t tokens = 0;
  std::int64_t texts_not_exact = 0;  ///< with a choice or a weight that is not the same to the bit

  double agreement() const { return tokens == 0 ? 1 : agreement_sum / static_cast<double>(tokens); }
};
using Layers = std::map<int, Layer>;

bool exactly_the_same(const RoutingTrace& a, const RoutingTrace& b, std::size_t layer) {
  const auto equal = [](const auto& x, const auto& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end());
  };
  for (std::size_t token = 0; token < std::min(a.tokens, b.tokens); ++token)
    if (!equal(a.chosen(token, layer), b.chosen(token, layer)) ||
        !equal(a.chosen_weights(token, layer), b.chosen_weights(token, layer)))
      return false;
  return true;
}

base::Result<std::string> trace_baseline(Rig& rig, const std::string& name, const std::string& path,
                                         std::span<const RoutingSet> sets) {
  ScoringJob job;
  job.name = name;
  job.model = rig.plan().target.baseline_model;
  job.device = rig.device();
  job.experts = rig.plan().target.experts;
  job.trace = true;
  job.logits = false;
  job.from = path;
  for (const auto& set : sets)
    for (const auto& tokens : set.tokens)
      job.context_tokens = std::max(job.context_tokens, static_cast<int>(tokens.size()));
  return run_scoring(rig, job);
}

/// The routing in a score file beside the traces of another.
base::Result<Layers> compare(const std::string& path, std::span<const RoutingTrace> others) {
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  Layers layers;
  for (const RoutingTrace& other : others) {
    MOESTRESS_TRY(const auto text, reader.next());
    if (!text || !text->routing || !record::same_topology(other, *text->routing))
      return base::fail(
          base::ErrorCode::Format,
          "the baseline model's experts are not those of the model under test: other layers, or "
          "another number of them");
    const auto agreement = record::routing_agreement(*text->routing, other);
    for (std::size_t i = 0; i < agreement.layers.size(); ++i) {
      const auto& one = agreement.layers[i];
      Layer& layer = layers[one.layer];
      layer.agreement_sum += one.agreement * static_cast<double>(one.tokens);
      layer.tokens += one.tokens;
      layer.texts_not_exact += exactly_the_same(*text->routing, other, i) ? 0 : 1;
    }
  }
  return layers;
}

const std::pair<const int, Layer>* first_not_exact(const Layers& layers) {
  for (const auto& layer : layers)
    if (layer.second.texts_not_exact > 0) return &layer;
  return nullptr;
}

/// Whether the baseline's routing is the same to the bit when it is traced again.
base::Result<bool> repeats_itself(Rig& rig, const std::string& path, const std::string& baseline,
                                  std::span<const RoutingSet> sets) {
  if (rig.on_cpu_only()) return true;  // with the same number of threads
  MOESTRESS_TRY(const std::string again, trace_baseline(rig, "routing-baseline-again", path, sets));
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(again));
  std::vector<RoutingTrace> traces;
  while (true) {
    MOESTRESS_TRY(auto text, reader.next());
    if (!text) break;
    traces.push_back(std::move(*text->routing));
  }
  MOESTRESS_TRY(const Layers layers, compare(baseline, traces));
  return first_not_exact(layers) == nullptr;
}

void note(const Layers& layers, ResultBuilder& result) {
  record::Table table{
      "Routing agreement by layer with the baseline model", {"layer", "agreement"}, {}, {}, "line"};
  double sum = 0;
  std::int64_t parted = 0;
  for (const auto& [number, layer] : layers) {
    table.rows.push_back({static_cast<double>(number), layer.agreement()});
    sum += layer.agreement();
    parted += layer.texts_not_exact > 0 ? 1 : 0;
  }
  const auto count = static_cast<std::int64_t>(layers.size());
  result.metric("routing_agreement_baseline", sum / static_cast<double>(count), "", count);
  result.metric("routing_layers_parted", static_cast<double>(parted), "", count);
  result.table(std::move(table));
}

}  // namespace

base::Result<std::string> compare_with_baseline(Rig& rig, const std::string& path,
                                                std::span<const RoutingSet> sets, ResultBuilder& result) {
  if (rig.plan().target.baseline_model.empty()) return "";
  MOESTRESS_TRY(const bool same_types, baseline_has_same_types(rig));
  MOESTRESS_TRY(const std::string baseline, trace_baseline(rig, "routing-baseline", path, sets));
  MOESTRESS_TRY(const Layers layers, compare(baseline, all_traces(sets)));
  note(layers, result);
  const auto* parted = first_not_exact(layers);
  if (parted == nullptr)
    return fmt::format(
        "; routing is the baseline model's to the bit (the experts of layer {}, the last, show in no "
        "router)",
        layers.rbegin()->first);
  const std::string what = "routing against the baseline model's";
  if (!same_types) {
    result.undecided(
        what, "it has weights of other types, whose rounding can't be told from damage; 6.1 compares them");
    return "";
  }
  MOESTRESS_TRY(const bool repeats, repeats_itself(rig, path, baseline, sets));
  if (!repeats) {
    result.undecided(what, "on this device the baseline model does not repeat its own routing to the bit");
    return "";
  }
  result.judge(
      record::Verdict::Fail,
      fmt::format(
          "routing is not the baseline model's from layer {} on: {} texts are not the same to the bit, "
          "agreement {:.4f}; what comes before, or that router itself, computes something else (6.1 "
          "looks layer by layer)",
          parted->first, parted->second.texts_not_exact, parted->second.agreement()));
  return "";
}

}  // namespace moestress::protocol

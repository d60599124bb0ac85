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

constexpr double kAgreementMin = 0.9;

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

base::Result<std::string> trace_baseline(Rig& rig, const std::string& path,
                                         std::span<const RoutingSet> sets) {
  ScoringJob job;
  job.name = "routing-baseline";
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

base::Result<Layers> compare(const std::string& path, std::span<const RoutingSet> sets) {
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  Layers layers;
  for (const auto& set : sets)
    for (const RoutingTrace& ours : set.traces) {
      MOESTRESS_TRY(const auto text, reader.next());
      if (!text || !text->routing || !record::same_topology(ours, *text->routing))
        return base::fail(
            base::ErrorCode::Format,
            "the baseline model's experts are not those of the model under test: other layers, or "
            "another number of them");
      const auto agreement = record::routing_agreement(*text->routing, ours);
      for (std::size_t i = 0; i < agreement.layers.size(); ++i) {
        const auto& one = agreement.layers[i];
        Layer& layer = layers[one.layer];
        layer.agreement_sum += one.agreement * static_cast<double>(one.tokens);
        layer.tokens += one.tokens;
        layer.texts_not_exact += exactly_the_same(*text->routing, ours, i) ? 0 : 1;
      }
    }
  return layers;
}

}  // namespace

base::Status compare_with_baseline(Rig& rig, const std::string& path, std::span<const RoutingSet> sets,
                                   ResultBuilder& result) {
  if (rig.plan().target.baseline_model.empty()) return {};
  MOESTRESS_TRY(const bool same_types, baseline_has_same_types(rig));
  MOESTRESS_TRY(const std::string baseline, trace_baseline(rig, path, sets));
  MOESTRESS_TRY(const Layers layers, compare(baseline, sets));
  const bool exact = same_types && rig.on_cpu_only();
  record::Table table{
      "Routing agreement by layer with the baseline model", {"layer", "agreement"}, {}, {}, "line"};
  double sum = 0;
  const std::pair<const int, Layer>* parted = nullptr;
  std::int64_t layers_parted = 0;
  for (const auto& layer : layers) {
    table.rows.push_back({static_cast<double>(layer.first), layer.second.agreement()});
    sum += layer.second.agreement();
    if (exact ? layer.second.texts_not_exact == 0 : layer.second.agreement() >= kAgreementMin) continue;
    if (parted == nullptr) parted = &layer;
    ++layers_parted;
  }
  const auto count = static_cast<std::int64_t>(layers.size());
  result.metric("routing_agreement_baseline", sum / static_cast<double>(count), "", count);
  result.metric("routing_layers_parted", static_cast<double>(layers_parted), "", count);
  result.table(std::move(table));
  if (parted != nullptr)
    result.judge(
        record::Verdict::Fail,
        fmt::format(
            "routing is not the baseline model's from layer {} on: agreement {:.4f} there{}; the "
            "router of that layer or the experts of one before it are damaged, 6.1 tells which",
            parted->first, parted->second.agreement(),
            exact ? fmt::format(", {} texts not the same to the bit", parted->second.texts_not_exact) : ""));
  return {};
}

}  // namespace moestress::protocol

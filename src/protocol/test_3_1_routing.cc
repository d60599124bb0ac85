// 3.1 routing: which experts different kinds of prompts use: code and creative writing, math and translation,
// technical documentation and conversation. Control: two halves of one set must not come out as different.
// Where the plan names a baseline model, routing is held against that's.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experts/routing_statistics.h"
#include "experts/set_comparison.h"
#include "experts/switching.h"
#include "protocol/result_builder.h"
#include "protocol/routing_baseline.h"
#include "protocol/routing_sets.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using record::RoutingTrace;
using record::Verdict;
using workload::Domain;

constexpr std::array<std::pair<Domain, Domain>, 3> kPairs{{{Domain::Code, Domain::Creative},
                                                           {Domain::Math, Domain::Translation},
                                                           {Domain::Documentation, Domain::Conversation}}};

std::vector<TextSet> texts_of_pairs(const Rig& rig) {
  const auto per_set = static_cast<std::size_t>(rig.sizes().routing_prompts_per_set);
  std::vector<TextSet> sets;
  for (const auto& [a, b] : kPairs)
    for (const Domain domain : {a, b}) sets.push_back(prompt_texts(rig, domain, per_set, true));
  return sets;
}

record::Table layer_table(const std::vector<experts::LayerStatistics>& layers,
                          const std::vector<RoutingTrace>& all) {
  record::Table table{"Routing by layer, all prompts",
                      {"layer", "coverage", "coverage by chance", "effective experts", "entropy", "Gini",
                       "CV", "least share", "largest share", "dead", "hot", "switch rate"},
                      {},
                      {},
                      "table"};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& layer = layers[i];
    table.rows.push_back({static_cast<double>(layer.layer), layer.coverage, layer.coverage_by_chance,
                          layer.effective_experts, layer.entropy_normalised, layer.gini, layer.cv,
                          layer.share_min, layer.share_max, static_cast<double>(layer.dead.size()),
                          static_cast<double>(layer.hot.size()), experts::switch_rate(all, i)});
  }
  return table;
}

std::string compare_pairs(Rig& rig, const std::vector<RoutingSet>& sets, ResultBuilder& result) {
  std::string summary;
  record::Table table{"Divergence of the two sets of a pair, by layer (bits)", {"layer"}, {}, {}, "line"};
  for (std::size_t i = 0; i + 1 < sets.size(); i += 2) {
    const std::string &a = sets[i].name, &b = sets[i + 1].name;
    const auto pair = experts::compare_sets(sets[i].traces, sets[i + 1].traces,
                                            rig.sizes().routing_permutations, rig.seed("3.1/" + a + "/" + b));
    const auto n = static_cast<std::int64_t>(sets[i].traces.size() + sets[i + 1].traces.size());
    const auto significant = std::count_if(pair.layers.begin(), pair.layers.end(),
                                           [](const auto& layer) { return layer.p < kRoutingSignificance; });
    result.metric("routing_jsd_bits_" + a + "_" + b, pair.jsd_mean_bits, "bits", n);
    result.metric("routing_p_" + a + "_" + b, pair.p, "", n);
    result.metric("routing_layers_different_" + a + "_" + b, static_cast<double>(significant), "",
                  static_cast<std::int64_t>(pair.layers.size()));
    summary += fmt::format("; {} and {} {} (p = {:.3f}, {} of {} layers)", a, b,
                           pair.p < kRoutingSignificance ? "differ" : "are not told apart", pair.p,
                           significant, pair.layers.size());
    table.columns.push_back(a + " / " + b);
    for (std::size_t layer = 0; layer < pair.layers.size(); ++layer) {
      if (table.rows.size() <= layer) table.rows.push_back({static_cast<double>(pair.layers[layer].layer)});
      table.rows[layer].push_back(pair.layers[layer].jsd_bits);
    }
  }
  result.table(std::move(table));
  return summary;
}

void judge_spread(Rig& rig, const std::vector<experts::LayerStatistics>& layers, const std::string& pairs,
                  ResultBuilder& result) {
  const int k = rig.facts().topology.experts_used;
  judge_collapse(layers, k, result);
  const auto use = experts::coverage(layers, k, rig.plan().thresholds.c7_coverage_min);
  const auto n = use.tokens;
  const auto [least, most] = std::minmax_element(
      layers.begin(), layers.end(),
      [](const auto& a, const auto& b) { return a.entropy_normalised < b.entropy_normalised; });
  result.metric("routing_entropy_min", least->entropy_normalised, "", n);
  result.metric("routing_entropy_max", most->entropy_normalised, "", n);
  result.metric("expert_coverage", use.min, "", n);
  result.metric("expert_coverage_mean", use.mean, "", n);
  result.metric("expert_coverage_by_chance", use.by_chance, "", n);
  result.metric("expert_effective_share", use.effective_share_mean, "", n);
  result.metric("expert_effective_share_min", use.effective_share_min, "", n);
  result.metric("expert_least_used_of_uniform", use.least_used_of_uniform, "", n);
  result.metric("expert_chance_tokens_to_threshold", use.tokens_to_threshold, "", n);
  result.judge(Verdict::Pass,
               fmt::format("{} tokens traced; every layer uses at least {:.0f} % of its experts, effective "
                           "experts {:.0f} % of all{}",
                           n, 100 * use.min, 100 * use.effective_share_mean, pairs));
}

}  // namespace

record::TestResult test_3_1_routing(Rig& rig) {
  ResultBuilder result;
  const auto traced = trace_sets(rig, "routing", texts_of_pairs(rig), rig.sizes().routing_reply_tokens);
  if (!traced) {
    judge_no_traces(traced.error(), result);
    return result.take();
  }
  const std::vector<RoutingSet>& sets = traced->sets;
  note_stand_in(rig, result);
  for (const auto& set : sets) result.table(share_heatmap(set));
  const auto all = all_traces(sets);
  const auto layers = experts::layer_statistics(all);
  result.table(layer_table(layers, all));
  check_control(rig, sets, "3.1", result);
  const auto beside_baseline = compare_with_baseline(rig, traced->path, sets, result);
  if (!beside_baseline)
    result.undecided("routing against the baseline model's", beside_baseline.error().message);
  judge_spread(rig, layers, compare_pairs(rig, sets, result) + beside_baseline.value_or(""), result);
  return result.take();
}

Work work_3_1(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  Work work;
  double tokens = 0;
  for (const auto& [a, b] : kPairs)
    for (const Domain domain : {a, b}) {
      const auto set = first_prompts(input, domain, static_cast<std::size_t>(sizes.routing_prompts_per_set),
                                     sizes.prompt_characters_max);
      tokens += set.sum() + static_cast<double>(set.count * sizes.routing_reply_tokens);
    }
  const bool twice = !input.plan.target.baseline_model.empty();
  work.starts = twice ? 2 : 1;
  work.scored_tokens = std::llround(twice ? 2 * tokens : tokens);
  return work;
}

}  // namespace moestress::protocol

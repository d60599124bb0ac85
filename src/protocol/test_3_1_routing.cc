// 3.1 routing: which experts different kinds of prompts use: code and creative writing, math and translation,
// technical documentation and conversation. Control: two halves of one set must not come out as different.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experts/routing_statistics.h"
#include "experts/set_comparison.h"
#include "experts/switching.h"
#include "protocol/result_builder.h"
#include "protocol/scoring.h"
#include "protocol/tests.h"
#include "quality/score_file.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using record::RoutingTrace;
using record::Verdict;
using workload::Domain;

constexpr std::array<std::pair<Domain, Domain>, 3> kPairs{{{Domain::Code, Domain::Creative},
                                                           {Domain::Math, Domain::Translation},
                                                           {Domain::Documentation, Domain::Conversation}}};
constexpr double kSignificance = 0.01;
/// One random split comes out as different by chance in one of a hundred; the median of several hardly ever
/// does.
constexpr int kControlSplits = 5;

struct PromptSet {
  Domain domain;
  std::vector<RoutingTrace> traces;
};

base::Result<std::vector<PromptSet>> trace_sets(Rig& rig, const std::string& device) {
  ScoringJob job;
  job.name = "routing";
  job.device = device;
  job.experts = rig.plan().target.experts;
  job.trace = true;
  job.logits = false;
  job.generate = rig.sizes().routing_reply_tokens;
  const auto per_set = static_cast<std::size_t>(rig.sizes().routing_prompts_per_set);
  const auto bound = static_cast<std::size_t>(rig.sizes().prompt_characters_max);
  std::vector<Domain> domain_of_text;
  for (const auto& [a, b] : kPairs)
    for (const Domain domain : {a, b}) {
      const auto set = workload::prompts(domain);
      std::size_t taken = 0;
      for (const auto& prompt : set) {
        if (taken == per_set) break;
        if (bound > 0 && prompt.text.size() > bound) continue;
        job.texts.push_back({prompt.id, prompt.text, true});
        domain_of_text.push_back(domain);
        ++taken;
      }
    }
  MOESTRESS_TRY(const std::string path, run_scoring(rig, job));
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  std::vector<PromptSet> sets;
  for (std::size_t i = 0;; ++i) {
    MOESTRESS_TRY(auto text, reader.next());
    if (!text) break;
    if (i >= domain_of_text.size() || text->id != job.texts[i].id || !text->routing)
      return base::fail(base::ErrorCode::Format, "{}: its texts are not the ones that were to be traced",
                        path);
    if (sets.empty() || sets.back().domain != domain_of_text[i]) sets.push_back({domain_of_text[i], {}});
    MOESTRESS_TRY_STATUS(rig.run().writer.add_routing(rig.facts().id, workload::to_string(domain_of_text[i]),
                                                      text->id, *text->routing));
    sets.back().traces.push_back(std::move(*text->routing));
  }
  return sets;
}

record::Table heatmap(const PromptSet& set) {
  record::Table table;
  table.title = fmt::format("Share of choices by layer and expert: {}", workload::to_string(set.domain));
  table.kind = "heatmap";
  const auto layers = experts::layer_statistics(set.traces);
  for (int expert = 0; expert < set.traces.front().experts; ++expert)
    table.columns.push_back(std::to_string(expert));
  for (const auto& layer : layers) {
    table.row_labels.push_back(fmt::format("layer {}", layer.layer));
    table.rows.push_back(layer.share);
  }
  return table;
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

/// Median p of several random halvings of one set.
double control_p(const PromptSet& set, int permutations, std::uint64_t seed) {
  std::vector<double> p;
  for (int split = 0; split < kControlSplits; ++split)
    p.push_back(
        experts::compare_halves(set.traces, permutations, seed + static_cast<std::uint64_t>(split)).p);
  return stats::quantile(p, 0.5);
}

void check_control(Rig& rig, const std::vector<PromptSet>& sets, ResultBuilder& result) {
  for (const auto& set : sets) {
    const std::string name = workload::to_string(set.domain);
    const double p = control_p(set, rig.sizes().routing_permutations, rig.seed("3.1/control " + name));
    result.metric("control_p_" + name, p, "", static_cast<std::int64_t>(set.traces.size()));
    if (p < kSignificance)
      result.judge(Verdict::Invalid,
                   fmt::format("two halves of the {} prompts come out as different (p = {:.4f}): differences "
                               "between sets can't be trusted",
                               name, p));
  }
}

std::string compare_pairs(Rig& rig, const std::vector<PromptSet>& sets, ResultBuilder& result) {
  std::string summary;
  record::Table table{"Divergence of the two sets of a pair, by layer (bits)", {"layer"}, {}, {}, "line"};
  for (std::size_t i = 0; i + 1 < sets.size(); i += 2) {
    const std::string a = workload::to_string(sets[i].domain), b = workload::to_string(sets[i + 1].domain);
    const auto pair = experts::compare_sets(sets[i].traces, sets[i + 1].traces,
                                            rig.sizes().routing_permutations, rig.seed("3.1/" + a + "/" + b));
    const auto n = static_cast<std::int64_t>(sets[i].traces.size() + sets[i + 1].traces.size());
    const auto significant = std::count_if(pair.layers.begin(), pair.layers.end(),
                                           [](const auto& layer) { return layer.p < kSignificance; });
    result.metric("routing_jsd_bits_" + a + "_" + b, pair.jsd_mean_bits, "bits", n);
    result.metric("routing_p_" + a + "_" + b, pair.p, "", n);
    result.metric("routing_layers_different_" + a + "_" + b, static_cast<double>(significant), "",
                  static_cast<std::int64_t>(pair.layers.size()));
    summary += fmt::format("; {} and {} {} (p = {:.3f}, {} of {} layers)", a, b,
                           pair.p < kSignificance ? "differ" : "are not told apart", pair.p, significant,
                           pair.layers.size());
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
  for (const auto& layer : layers)
    if (layer.effective_experts < 1.5 * k)
      result.judge(Verdict::Fail,
                   fmt::format("routing of layer {} has collapsed: {:.1f} effective experts of {}, {} active",
                               layer.layer, layer.effective_experts, rig.facts().topology.experts, k));
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
  auto sets = trace_sets(rig, rig.device());
  if (!sets) {
    result.judge(sets.error().code == base::ErrorCode::Cancelled ? Verdict::Skipped : Verdict::Fail,
                 sets.error().message);
    return result.take();
  }
  if (rig.software_device() && rig.on_cpu_only())
    result.finding(
        "info",
        "traced with everything on the CPU, since the software Vulkan device is slow; 6.1 compares the "
        "routing of both if asked to (target.baseline = \"device\")");
  std::vector<RoutingTrace> all;
  for (const auto& set : *sets) {
    result.table(heatmap(set));
    all.insert(all.end(), set.traces.begin(), set.traces.end());
  }
  if (const auto status = experts::check_traces(all); !status) {
    result.judge(Verdict::Fail, status.error().message);
    return result.take();
  }
  const auto layers = experts::layer_statistics(all);
  result.table(layer_table(layers, all));
  check_control(rig, *sets, result);
  judge_spread(rig, layers, compare_pairs(rig, *sets, result), result);
  return result.take();
}

}  // namespace moestress::protocol

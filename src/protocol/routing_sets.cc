#include "protocol/routing_sets.h"

#include <fmt/format.h>

#include <algorithm>

#include "experts/set_comparison.h"
#include "quality/score_file.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

/// One random split comes out as different by chance in one of a hundred; the median of several hardly ever
/// does.
constexpr int kControlSplits = 5;
/// Room for what a model's template puts around a text.
constexpr int kTemplateTokens = 256;

/// Median p of several random halvings of one set.
double control_p(const RoutingSet& set, int permutations, std::uint64_t seed) {
  std::vector<double> p;
  for (int split = 0; split < kControlSplits; ++split)
    p.push_back(
        experts::compare_halves(set.traces, permutations, seed + static_cast<std::uint64_t>(split)).p);
  return stats::quantile(p, 0.5);
}

std::vector<const workload::Prompt*> first_within(const workload::PromptLibrary& library,
                                                  workload::Domain domain, std::size_t count,
                                                  int characters_max) {
  std::vector<const workload::Prompt*> first;
  for (const auto& prompt : library.of(domain)) {
    if (first.size() == count) break;
    if (characters_max == 0 || prompt.text.size() <= static_cast<std::size_t>(characters_max))
      first.push_back(&prompt);
  }
  return first;
}

/// The least p that halving `prompts` prompts can come to: one over the ways to halve them.
double least_control_p(std::size_t prompts) {
  double ways = 1;
  for (std::size_t i = 1; i <= prompts / 2; ++i)
    ways *= static_cast<double>(prompts - i + 1) / static_cast<double>(i);
  return (prompts % 2 == 0 ? 2 : 1) / ways;
}

}  // namespace

TextSet prompt_texts(const Rig& rig, workload::Domain domain, std::size_t count, bool chat) {
  TextSet set{workload::to_string(domain), {}};
  for (const auto* prompt : first_within(rig.prompts(), domain, count, rig.sizes().prompt_characters_max))
    set.texts.push_back({prompt->id, prompt->text, chat});
  return set;
}

base::Result<TracedSets> trace_sets(Rig& rig, const std::string& job_name, const std::vector<TextSet>& sets,
                                    int reply_tokens, const std::string& label) {
  ScoringJob job;
  job.name = job_name;
  job.device = rig.device();
  job.experts = rig.plan().target.experts;
  job.trace = true;
  job.logits = false;
  job.generate = reply_tokens;
  for (const auto& set : sets) job.texts.insert(job.texts.end(), set.texts.begin(), set.texts.end());
  for (const auto& text : job.texts)
    job.context_tokens =
        std::max(job.context_tokens,
                 kTemplateTokens + reply_tokens + static_cast<int>(rig.facts().count_tokens(text.text)));
  TracedSets traced;
  MOESTRESS_TRY(traced.path, run_scoring(rig, job));
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(traced.path));
  for (const auto& set : sets) {
    RoutingSet& out = traced.sets.emplace_back(RoutingSet{set.name, {}, {}});
    for (const auto& asked : set.texts) {
      MOESTRESS_TRY(auto text, reader.next());
      if (!text || text->id != asked.id || !text->routing)
        return base::fail(base::ErrorCode::Format, "{}: its texts are not the ones that were to be traced",
                          traced.path);
      MOESTRESS_TRY_STATUS(
          rig.run().writer.add_routing(rig.facts().id, label + set.name, text->id, *text->routing));
      out.traces.push_back(std::move(*text->routing));
      out.tokens.push_back(std::move(text->tokens));
    }
  }
  MOESTRESS_TRY_STATUS(experts::check_traces(all_traces(traced.sets)));
  return traced;
}

std::vector<record::RoutingTrace> all_traces(std::span<const RoutingSet> sets) {
  std::vector<record::RoutingTrace> all;
  for (const auto& set : sets) all.insert(all.end(), set.traces.begin(), set.traces.end());
  return all;
}

record::Table share_heatmap(const RoutingSet& set) {
  record::Table table;
  table.title = fmt::format("Share of choices by layer and expert: {}", set.name);
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

void check_control(Rig& rig, std::span<const RoutingSet> sets, const std::string& test_id,
                   ResultBuilder& result) {
  const auto smallest = std::min_element(sets.begin(), sets.end(), [](const auto& a, const auto& b) {
    return a.traces.size() < b.traces.size();
  });
  if (smallest != sets.end() && least_control_p(smallest->traces.size()) >= kRoutingSignificance)
    result.undecided("the control", fmt::format("halves of {} prompts a set can't come out as different; it "
                                                "takes 9",
                                                smallest->traces.size()));
  for (const auto& set : sets) {
    const double p =
        control_p(set, rig.sizes().routing_permutations, rig.seed(test_id + "/control " + set.name));
    result.metric("control_p_" + set.name, p, "", static_cast<std::int64_t>(set.traces.size()));
    if (p < kRoutingSignificance)
      result.judge(Verdict::Invalid,
                   fmt::format("two halves of the {} prompts come out as different (p = {:.4f}): differences "
                               "between sets can't be trusted",
                               set.name, p));
  }
}

void judge_collapse(std::span<const experts::LayerStatistics> layers, int k, ResultBuilder& result) {
  for (const auto& layer : layers) {
    const auto experts = static_cast<int>(layer.share.size());
    if (layer.tokens < 2 || k >= experts) continue;
    if (experts - static_cast<int>(layer.dead.size()) == k)
      result.judge(Verdict::Fail,
                   fmt::format("the router of layer {} ignores its input: all {} tokens went to the same {} "
                               "of {} experts",
                               layer.layer, layer.tokens, k, experts));
    else if (layer.effective_experts < 1.5 * k)
      result.judge(Verdict::Fail,
                   fmt::format("routing of layer {} has collapsed: {:.1f} effective experts of {}, {} active",
                               layer.layer, layer.effective_experts, experts, k));
  }
}

void note_stand_in(const Rig& rig, ResultBuilder& result) {
  if (rig.software_device() && rig.on_cpu_only())
    result.finding(
        "info",
        "traced with everything on the CPU, since the software Vulkan device is slow; 6.1 compares the "
        "routing of both if asked to (target.baseline = \"device\")");
}

void judge_no_traces(const base::Error& error, ResultBuilder& result) {
  result.judge(error.code == base::ErrorCode::Cancelled ? Verdict::Skipped : Verdict::Fail, error.message);
}

std::int64_t work_of_prompts(const WorkInput& input, std::span<const workload::Domain> domains,
                             std::size_t count) {
  std::int64_t tokens = 0;
  for (const auto domain : domains)
    for (const auto* prompt :
         first_within(workload::built_in_library(), domain, count, input.plan.tests.prompt_characters_max))
      tokens += input.facts.count_tokens(prompt->text);
  return tokens;
}

}  // namespace moestress::protocol

// 6.1 consistency: the same placement twice (A/A) and GPU-only against experts on the CPU (A/B),
// teacher-forced on the GPU-only replies and as freely generated text, beside what rounding alone does; and
// layer by layer, each given the same input, for experts and routers that compute something else.
// Against a server of another kind only its texts can be compared.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "protocol/free_answers.h"
#include "protocol/result_builder.h"
#include "protocol/scoring.h"
#include "protocol/tests.h"
#include "quality/consistency.h"
#include "quality/damage.h"
#include "quality/score_file.h"
#include "stats/interval.h"

namespace moestress::protocol {
namespace {

using quality::Consistency;
using record::Verdict;

ScoringJob traced(ScoringJob job) {
  job.trace = true;
  return job;
}

void note_consistency(const Consistency& consistency, const std::string& prefix, ResultBuilder& result) {
  const auto texts = static_cast<std::int64_t>(consistency.texts.size());
  result.metric(prefix + "top1_agreement", consistency.agreement_mean, "", texts,
                consistency.agreement_wilson);
  result.metric(prefix + "top1_agreement_by_prompt", consistency.agreement_mean, "", texts,
                consistency.agreement_bootstrap);
  result.metric(prefix + "kl_nats_mean", consistency.kl_nats_mean, "nats", consistency.positions,
                consistency.kl_nats_bootstrap);
  result.metric(prefix + "kl_nats_median", consistency.kl_nats_median, "nats", consistency.positions);
  result.metric(prefix + "kl_nats_p99", consistency.kl_nats_p99, "nats", consistency.positions);
  result.metric(prefix + "kl_nats_max", consistency.kl_nats_max, "nats", consistency.positions);
  result.metric(prefix + "perplexity_ratio", consistency.perplexity_ratio, "", consistency.positions);
  result.metric(prefix + "texts_diverged", static_cast<double>(consistency.diverged), "", texts);
  result.metric(prefix + "texts_near_ties", static_cast<double>(consistency.near_ties), "", texts);
  if (!consistency.routing.empty()) {
    result.metric(prefix + "routing_agreement", consistency.routing_agreement, "",
                  consistency.routing.front().tokens);
    record::Table table{prefix.empty() ? "Routing agreement by layer, GPU-only against offloaded"
                                       : "Routing agreement by layer, A/A",
                        {"layer", "agreement"},
                        {},
                        {},
                        "line"};
    for (const auto& layer : consistency.routing)
      table.rows.push_back({static_cast<double>(layer.layer), layer.agreement});
    result.table(std::move(table));
  }
}

constexpr std::size_t kExpertsNamed = 4;
/// Of the experts used, the share that must be tellable for a search that counts.
constexpr double kExpertsToldMin = 0.5;

/// "; experts 3, 4 of layer 12 give out something else: 6.0 % off, where rounding leaves 1.4 %".
std::string describe_layer(std::span<const quality::ExpertDamage> experts) {
  std::vector<int> numbers;  // of the most certain ones
  for (const auto& one : experts.first(std::min(kExpertsNamed, experts.size())))
    numbers.push_back(one.expert);
  std::sort(numbers.begin(), numbers.end());
  std::string names = fmt::format("{}", fmt::join(numbers, ", "));
  if (experts.size() > kExpertsNamed) names += fmt::format(" and {} more", experts.size() - kExpertsNamed);
  const auto& first = experts.front();
  return fmt::format(
      "; expert{} {} of layer {} give{} out something else for the same input: {:.2g} % off, {}",
      experts.size() == 1 ? "" : "s", names, first.layer, experts.size() == 1 ? "s" : "",
      100 * first.difference,
      first.difference_elsewhere > 0
          ? fmt::format("where rounding leaves {:.2g} %", 100 * first.difference_elsewhere)
          : "where the same kernels leave nothing");
}

/// What differs more than rounding explains; empty: nothing.
std::string describe(const quality::Damage& damage) {
  std::string text;
  for (const auto& one : damage.routing)
    text += one.agreement < 1
                ? fmt::format(
                      "; the router of layer {} chooses other experts for the same input: agreement {:.3f}",
                      one.layer, one.agreement)
                : fmt::format("; the router of layer {} weighs its experts otherwise for the same input",
                              one.layer);
  const std::span experts(damage.experts);
  for (std::size_t begin = 0, end = 0; begin < experts.size(); begin = end) {
    while (end < experts.size() && experts[end].layer == experts[begin].layer) ++end;
    text += describe_layer(experts.subspan(begin, end - begin));
  }
  if (text.empty() && damage.texts_not_exact > 0)
    text = fmt::format("; the same kernels compute something else in {} texts, {}", damage.texts_not_exact,
                       damage.layer_tokens > 0 ? "though no routed expert and no router does"
                                               : "and its layers were not compared one by one");
  return text;
}

/// `left_out`: why layers could not be compared, where the engine said so.
void note_damage(const quality::Damage& damage, const std::string& left_out, ResultBuilder& result) {
  result.metric("kl_over_rounding", damage.factor, "", damage.positions);
  if (damage.layer_tokens == 0) {
    result.undecided("damaged experts", left_out.empty() ? "no layer could be compared" : left_out);
    return;
  }
  result.metric("experts_damaged", static_cast<double>(damage.experts.size()), "", damage.layer_tokens);
  result.metric("routers_damaged", static_cast<double>(damage.routing.size()), "", damage.layer_tokens);
  const double told = static_cast<double>(damage.experts_told) /
                      static_cast<double>(std::max<std::int64_t>(damage.experts_used, 1));
  result.metric("experts_told", told, "", damage.experts_used);
  if (told < kExpertsToldMin)
    result.undecided("damaged experts",
                     fmt::format("of {} experts used, {} were used in enough texts to find damage; take more "
                                 "consistency_prompts",
                                 damage.experts_used, damage.experts_told));
  if (damage.experts.empty()) return;
  constexpr std::size_t kShown = 20;
  record::Table table{"Experts that give out something else for the same input",
                      {"layer", "expert", "difference", "elsewhere", "p", "tokens", "texts"},
                      {},
                      {},
                      "table"};
  for (const auto& one : std::span(damage.experts).first(std::min(kShown, damage.experts.size())))
    table.rows.push_back({static_cast<double>(one.layer), static_cast<double>(one.expert), one.difference,
                          one.difference_elsewhere, one.p, static_cast<double>(one.tokens),
                          static_cast<double>(one.texts)});
  result.table(std::move(table));
}

/// What two placements of a model are held against: the same one twice, and the baseline in another rounding.
struct Floors {
  Consistency same;
  Consistency rounding;
};

/// By how much the offloaded side agrees less with the baseline than rounding alone leaves it: mean over
/// prompts.
stats::Interval agreement_loss(const Consistency& rounding, const Consistency& pair) {
  std::vector<double> loss;
  for (std::size_t i = 0; i < std::min(rounding.texts.size(), pair.texts.size()); ++i)
    loss.push_back(rounding.texts[i].agreement - pair.texts[i].agreement);
  return stats::mean_interval(loss);
}

/// FAIL where tokens agree less than rounding explains, or damage is found. Where nothing is offloaded no
/// PASS. PASS needs an agreement over the limit, or one that is no more under that of rounding alone than the
/// limit is under 1: a model in 4 bits may agree with itself in less than the limit. C4 asks for the
/// agreement itself.
void judge(const Rig& rig, const Floors& floors, const Consistency& pair, const quality::Damage& damage,
           ResultBuilder& result) {
  const double limit = rig.plan().thresholds.c4_agreement_min;
  const auto& interval = pair.agreement_wilson;
  const stats::Interval loss = agreement_loss(floors.rounding, pair);
  const double loss_mean = floors.rounding.agreement_mean - pair.agreement_mean;
  result.metric("agreement_loss", loss_mean, "", static_cast<std::int64_t>(pair.texts.size()), loss);
  std::string text = fmt::format(
      "top-1 agreement {:.4f} (95 % interval {:.4f} to {:.4f}, {} prompts), rounding alone {:.4f}; KL mean "
      "{:.2e} p99 "
      "{:.2e} nats, {:.2g} times rounding alone; A/A {:.4f} and {:.2e}",
      pair.agreement_mean, interval.lo, interval.hi, pair.texts.size(), floors.rounding.agreement_mean,
      pair.kl_nats_mean, pair.kl_nats_p99, damage.factor, floors.same.agreement_mean,
      floors.same.kl_nats_mean);
  if (pair.diverged > 0)
    text += fmt::format("; {} texts part, {} of them at near-ties, widest margin {:.3f} nats", pair.diverged,
                        pair.near_ties, pair.margin_at_divergence_max);
  if (pair.routing_first_layer >= 0)
    text += fmt::format("; routing agrees in {:.4f} and mostly parts first in layer {}",
                        pair.routing_agreement, pair.routing_first_layer);
  if (cpu_plays_gpu(rig))
    text += "; GPU-only is played by the CPU with other kernels and an F32 KV cache";
  else if (rig.software_device())
    text += "; GPU-only is a software Vulkan device";
  const std::string found = describe(damage);
  if (loss.lo > 1 - limit || !found.empty()) {
    if (loss.lo > 1 - limit)
      text += fmt::format("; tokens agree {:.1f} % less than rounding explains", 100 * loss_mean);
    result.judge(Verdict::Fail, text + found);
  } else if (nothing_is_offloaded(rig)) {
    result.judge(Verdict::Inconclusive, text + kNothingOffloaded);
  } else if (interval.lo > limit || loss.hi < 1 - limit) {
    result.judge(Verdict::Pass, text);
  } else {
    result.judge(
        Verdict::Inconclusive,
        text + fmt::format(": {} prompts don't tell whether it is within {:.0f} % of rounding alone (at most "
                           "{:.1f} % less); take more consistency_prompts",
                           pair.texts.size(), 100 * (1 - limit), 100 * loss.hi));
  }
}

base::Status compare_placements(Rig& rig, ResultBuilder& result) {
  ScoringJob gpu = traced(baseline_job(rig, "gpu-only"));
  for (const auto& prompt : questions_of(rig.prompts(), rig.sizes(), rig.facts().random_weights).prompts)
    gpu.texts.push_back({prompt.id, prompt.text, true});
  gpu.generate = rig.sizes().consistency_tokens;
  MOESTRESS_TRY(const std::string a, run_scoring(rig, gpu));

  ScoringJob again = traced(baseline_job(rig, "gpu-only-again"));
  again.from = a;
  again.layers = true;
  MOESTRESS_TRY(const std::string a2, run_scoring(rig, again));

  // The offloaded side then computes as the baseline in its plain rounding does, so they may not differ at
  // all.
  MOESTRESS_TRY(const bool same_types, baseline_has_same_types(rig));
  const bool exact = same_types && cpu_plays_gpu(rig);
  ScoringJob rounded = traced(baseline_job(rig, "gpu-only-rounded"));
  rounded.from = a2;
  rounded.other_rounding = !rounded.other_rounding;
  rounded.layers = exact;  // else nothing is held against its layers
  MOESTRESS_TRY(const std::string n, run_scoring(rig, rounded));

  ScoringJob offloaded = traced(placement_job(rig, "offloaded"));
  offloaded.from = a2;
  offloaded.layers = true;
  MOESTRESS_TRY(const std::string b, run_scoring(rig, offloaded));

  Floors floors;
  MOESTRESS_TRY(floors.same, quality::compare_scores(a, a2, rig.seed("6.1/bootstrap")));
  MOESTRESS_TRY(floors.rounding, quality::compare_scores(a, n, rig.seed("6.1/bootstrap")));
  MOESTRESS_TRY(const Consistency pair, quality::compare_scores(a, b, rig.seed("6.1/bootstrap")));
  MOESTRESS_TRY(const quality::Damage damage, quality::find_damage(a2, n, b, exact));
  note_consistency(floors.same, "aa_", result);
  note_consistency(pair, "", result);
  MOESTRESS_TRY(const auto header,
                quality::ScoreReader::open(b).map([](const auto& reader) { return reader.header(); }));
  const auto left_out = header.settings.find(quality::kLayersLeftOut);
  note_damage(damage, left_out == header.settings.end() ? "" : left_out->second, result);
  result.metric("baseline_on_cpu", cpu_plays_gpu(rig) ? 1 : 0, "",
                static_cast<std::int64_t>(pair.texts.size()));
  judge(rig, floors, pair, damage, result);
  MOESTRESS_TRY(const auto baseline, replies_in(rig, a));
  return compare_free_answers(rig, baseline.texts, result);
}

}  // namespace

record::TestResult test_6_1_consistency(Rig& rig) {
  ResultBuilder result;
  if (!rig.embedded()) {
    compare_texts_over_http(rig, result);
    return result.take();
  }
  if (!rig.has_device() && !cpu_plays_gpu(rig)) {
    result.judge(Verdict::Skipped,
                 "there is no GPU here to compare with: everything is on the CPU in both placements");
    return result.take();
  }
  const auto& layers = rig.facts().topology.moe_layers;
  if (!cpu_plays_gpu(rig) &&
      std::none_of(layers.begin(), layers.end(), [&](int layer) { return rig.placement().on_cpu(layer); })) {
    result.judge(Verdict::Skipped,
                 fmt::format("with experts \"{}\" nothing is offloaded, so there is nothing to "
                             "compare with GPU-only",
                             rig.placement().name));
    return result.take();
  }
  if (const auto status = compare_placements(rig, result); !status)
    result.judge(status.error().code == base::ErrorCode::Cancelled ? Verdict::Skipped : Verdict::Fail,
                 status.error().message);
  return result.take();
}

Work work_6_1(const WorkInput& input) {
  const plan::TestParameters& sizes = input.plan.tests;
  const Questions questions = questions_of(input.prompts, sizes, input.facts.random_weights);
  Work round;  // of one side's free answers
  const auto add = [&](const std::string& text, int tokens) {
    ++round.requests;
    round.prompt_tokens += input.facts.count_tokens(text);
    round.reply_tokens += tokens;
  };
  for (const auto& prompt : questions.prompts) add(prompt.text, sizes.consistency_tokens);
  const std::int64_t compared = round.prompt_tokens + round.reply_tokens;
  for (const auto& fact : questions.facts) add(fact.text, kFactTokens);
  for (const auto& prompt : questions.long_ones) add(prompt.text, sizes.consistency_long_tokens);
  Work work;
  if (!input.plan.target.spawn.empty() || !input.plan.target.url.empty()) {
    work.requests = 2 * round.requests;
    work.prompt_tokens = 2 * round.prompt_tokens;
    work.reply_tokens = 2 * round.reply_tokens;
    return work;
  }
  // Generated once and scored four times, layer by layer in two or three of them; then what both sides say
  // freely, which random weights do once.
  const int sides = input.facts.random_weights ? 1 : 2;
  work.scored_tokens = 8 * compared + sides * (round.prompt_tokens + round.reply_tokens);
  work.starts = 4 + sides;
  return work;
}

}  // namespace moestress::protocol

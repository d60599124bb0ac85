// 6.1 consistency: the same placement twice (A/A) and GPU-only against experts on the CPU (A/B),
// teacher-forced on the GPU-only replies and as freely generated text, beside what rounding alone does.
// Against a server of another kind only its texts can be compared.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "gguf/file.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/scoring.h"
#include "protocol/tests.h"
#include "quality/consistency.h"
#include "quality/damage.h"
#include "quality/score_file.h"
#include "quality/text_metrics.h"
#include "stats/interval.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using quality::Consistency;
using record::Verdict;

/// Whether the CPU in another rounding plays GPU-only: a device made of software takes minutes for a sentence
/// of a model that speaks.
bool cpu_plays_gpu(const Rig& rig) {
  const std::string& baseline = rig.plan().target.baseline;
  const bool real_device = rig.has_device() && !rig.software_device();
  return baseline == "cpu" || (baseline == "auto" && !real_device);
}

ScoringJob placement_job(const Rig& rig, const std::string& name, const std::string& experts) {
  ScoringJob job;
  job.name = name;
  job.device = cpu_plays_gpu(rig) ? "cpu" : rig.plan().target.device;
  job.experts = experts;
  job.trace = true;
  return job;
}

/// Whether the offloaded side computes as the baseline in its plain rounding does, so that they may not
/// differ at all: on the CPU, with weights of the same types.
base::Result<bool> same_kernels(const Rig& rig) {
  if (!cpu_plays_gpu(rig)) return false;
  const std::string& path = rig.plan().target.baseline_model;
  if (path.empty()) return true;
  MOESTRESS_TRY(const gguf::File baseline, gguf::read(path));
  const auto& ours = rig.facts().file.tensors;
  return std::equal(ours.begin(), ours.end(), baseline.tensors.begin(), baseline.tensors.end(),
                    [](const gguf::Tensor& a, const gguf::Tensor& b) {
                      return a.name == b.name && a.type.id == b.type.id && a.dims == b.dims;
                    });
}

/// As GPU-only, or what plays it.
ScoringJob baseline_job(const Rig& rig, const std::string& name) {
  ScoringJob job = placement_job(rig, name, "gpu");
  job.model = rig.plan().target.baseline_model;
  job.other_rounding = cpu_plays_gpu(rig);
  return job;
}

struct Texts {
  std::vector<std::string> ids;
  std::vector<std::string> replies;
};

base::Result<Texts> replies_of(const Rig& rig, const std::string& path) {
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  Texts texts;
  while (true) {
    MOESTRESS_TRY(const auto text, reader.next());
    if (!text) return texts;
    const std::vector<engine::Token> reply(
        text->tokens.begin() + static_cast<std::ptrdiff_t>(text->scored_from), text->tokens.end());
    texts.ids.push_back(text->id);
    texts.replies.push_back(rig.facts().tokenizer->detokenize(reply));
  }
}

void note_texts(const std::vector<std::string>& a, const std::vector<std::string>& b, const std::string& pair,
                ResultBuilder& result) {
  std::vector<double> rouge, chrf, edit;
  double identical = 0;
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; ++i) {
    rouge.push_back(quality::rouge_l(b[i], a[i]));
    chrf.push_back(quality::chrf(b[i], a[i]));
    edit.push_back(quality::edit_similarity(b[i], a[i]));
    identical += a[i] == b[i] ? 1 : 0;
  }
  if (n == 0) return;
  const auto count = static_cast<std::int64_t>(n);
  const auto mean = [](const std::vector<double>& values) { return stats::summarize(values).mean; };
  result.metric(pair + "_text_identical", identical / static_cast<double>(n), "", count,
                stats::wilson(identical, static_cast<double>(n)));
  result.metric(pair + "_text_rouge_l", mean(rouge), "", count, stats::mean_interval(rouge));
  result.metric(pair + "_text_chrf", mean(chrf), "", count, stats::mean_interval(chrf));
  result.metric(pair + "_text_edit_similarity", mean(edit), "", count, stats::mean_interval(edit));
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

/// What parts more than rounding explains; empty: nothing.
std::string describe(const quality::Damage& damage) {
  std::string text;
  if (damage.exact) {
    text += fmt::format("; the same kernels compute something else in {} texts", damage.exact->texts);
    if (damage.exact->layer >= 0)
      text += fmt::format(", first seen at the router of layer {}", damage.exact->layer);
    for (std::size_t i = 0; i < damage.exact->experts.size(); ++i)
      text += fmt::format("{} {}", i == 0 ? ", after experts" : ",", damage.exact->experts[i]);
  }
  if (!damage.routing.empty()) {
    const auto& first = damage.routing.front();
    text += fmt::format("; routing parts in layer {}: agreement {:.3f}, where rounding leaves {:.3f}",
                        first.layer, first.agreement, first.agreement_rounding);
    if (damage.routing.size() > 1) text += fmt::format(" ({} layers in all)", damage.routing.size());
  }
  // What follows the first difference spreads to tokens of other experts: where that is known, it is the
  // better word.
  if (!damage.exact && !damage.experts.empty()) {
    const auto& worst = damage.experts.front();
    text += fmt::format(
        "; tokens sent to expert {} of layer {} part {:.1f} times as far as others (p {:.1e}, {} "
        "texts)",
        worst.expert, worst.layer, worst.factor, worst.p, worst.texts);
    if (damage.experts.size() > 1) text += fmt::format(", and {} experts more", damage.experts.size() - 1);
  }
  return text;
}

void note_damage(const quality::Damage& damage, ResultBuilder& result) {
  result.metric("kl_over_rounding", damage.factor, "", damage.positions);
  result.metric("experts_damaged", static_cast<double>(damage.experts.size()), "", damage.positions);
  result.metric("routing_layers_parted", static_cast<double>(damage.routing.size()), "", damage.positions);
  if (damage.experts.empty()) return;
  constexpr std::size_t kShown = 10;
  record::Table table{"Experts whose tokens part further than others'",
                      {"layer", "expert", "times as far", "p (Holm)", "texts"},
                      {},
                      {},
                      "table"};
  for (std::size_t i = 0; i < std::min(kShown, damage.experts.size()); ++i) {
    const auto& one = damage.experts[i];
    table.rows.push_back({static_cast<double>(one.layer), static_cast<double>(one.expert), one.factor, one.p,
                          static_cast<double>(one.texts)});
  }
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

/// PASS needs an agreement over the limit, or one that is no more under that of rounding alone than the limit
/// is under 1: a model in 4 bits may agree with itself in less than the limit. C4 asks for the agreement
/// itself.
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
  if (cpu_plays_gpu(rig))
    text += "; GPU-only is played by the CPU with other kernels and an F32 KV cache";
  else if (rig.software_device())
    text += "; GPU-only is a software Vulkan device";
  const std::string found = describe(damage);
  if (loss.lo > 1 - limit || !found.empty()) {
    if (loss.lo > 1 - limit)
      text += fmt::format("; tokens agree {:.1f} % less than rounding explains", 100 * loss_mean);
    result.judge(Verdict::Fail, text + found);
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

constexpr int kScorings = 5;  // of compare_placements

base::Status compare_placements(Rig& rig, ResultBuilder& result) {
  const std::string& experts = rig.plan().target.experts;
  const auto count = static_cast<std::size_t>(rig.sizes().consistency_prompts);
  ScoringJob gpu = baseline_job(rig, "gpu-only");
  // Short ones: many independent samples for little time.
  for (const auto& prompt : rig.prompts().shortest(count))
    gpu.texts.push_back({prompt.id, prompt.text, true});
  gpu.generate = rig.sizes().consistency_tokens;
  MOESTRESS_TRY(const std::string a, run_scoring(rig, gpu));

  ScoringJob again = baseline_job(rig, "gpu-only-again");
  again.from = a;
  MOESTRESS_TRY(const std::string a2, run_scoring(rig, again));

  ScoringJob rounded = baseline_job(rig, "gpu-only-rounded");
  rounded.from = a;
  rounded.other_rounding = !rounded.other_rounding;
  MOESTRESS_TRY(const std::string n, run_scoring(rig, rounded));

  ScoringJob offloaded = placement_job(rig, "offloaded", experts);
  offloaded.from = a;
  MOESTRESS_TRY(const std::string b, run_scoring(rig, offloaded));

  ScoringJob free = placement_job(rig, "offloaded-free", experts);
  free.texts = gpu.texts;
  free.generate = gpu.generate;
  free.trace = false;
  free.logits = false;
  MOESTRESS_TRY(const std::string b_free, run_scoring(rig, free));

  Floors floors;
  MOESTRESS_TRY(floors.same, quality::compare_scores(a, a2, rig.seed("6.1/bootstrap")));
  MOESTRESS_TRY(floors.rounding, quality::compare_scores(a, n, rig.seed("6.1/bootstrap")));
  MOESTRESS_TRY(const Consistency pair, quality::compare_scores(a, b, rig.seed("6.1/bootstrap")));
  MOESTRESS_TRY(const bool exact, same_kernels(rig));
  MOESTRESS_TRY(const quality::Damage damage, quality::find_damage(a, n, b, exact));
  note_consistency(floors.same, "aa_", result);
  note_consistency(pair, "", result);
  MOESTRESS_TRY(const Texts a_texts, replies_of(rig, a));
  MOESTRESS_TRY(const Texts b_texts, replies_of(rig, b_free));
  note_texts(a_texts.replies, b_texts.replies, "ab", result);
  note_damage(damage, result);
  result.metric("baseline_on_cpu", cpu_plays_gpu(rig) ? 1 : 0, "",
                static_cast<std::int64_t>(pair.texts.size()));
  judge(rig, floors, pair, damage, result);
  return {};
}

/// Against a plain HTTP server: the same greedy requests twice, as text.
void compare_texts_over_http(Rig& rig, ResultBuilder& result) {
  result.finding("info",
                 "a server of another kind shows no logits and no routing: only its texts are compared");
  if (const auto status = rig.ensure_target(); !status) {
    result.judge(Verdict::Skipped, status.error().message);
    return;
  }
  workload::RequestShape shape;
  shape.max_tokens = rig.sizes().consistency_tokens;
  const auto prompts = rig.prompts().shortest(static_cast<std::size_t>(rig.sizes().consistency_prompts));
  std::vector<std::string> texts[2];
  for (auto& round : texts) {
    std::vector<record::Request> requests;
    requests.reserve(prompts.size());
    for (const auto& prompt : prompts)
      requests.push_back(workload::make_request(prompt, rig.request_ids().next(), rig.next_session(), shape));
    for (auto& outcome : rig.closed_loop("6.1", {std::move(requests)}).outcomes) {
      if (const auto failure = failure_of(outcome)) result.judge(Verdict::Fail, "a request " + *failure);
      round.push_back(std::move(outcome.text));
    }
  }
  note_texts(texts[0], texts[1], "aa", result);
  result.judge(Verdict::Inconclusive,
               "the same requests twice, compared as text; GPU-only against offloaded needs the engine (run "
               "without --spawn or --target)");
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
  const auto& sizes = input.plan.tests;
  const PromptTokens prompts = short_prompts(input, static_cast<std::size_t>(sizes.consistency_prompts));
  Work work;
  if (input.plan.target.spawn.empty() && input.plan.target.url.empty()) {
    work.starts = kScorings;
    work.scored_tokens = std::llround(kScorings * static_cast<double>(prompts.count) *
                                      (prompts.mean + sizes.consistency_tokens));
    return work;
  }
  work.requests = 2 * prompts.count;
  work.prompt_tokens = std::llround(static_cast<double>(work.requests) * prompts.mean);
  work.reply_tokens = work.requests * sizes.consistency_tokens;
  return work;
}

}  // namespace moestress::protocol

// 6.1 consistency: the same placement twice (A/A) and GPU-only against experts on the CPU (A/B),
// teacher-forced on the GPU-only replies and as freely generated text. Against a server of another kind only
// its texts can be compared.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/scoring.h"
#include "protocol/tests.h"
#include "quality/consistency.h"
#include "quality/score_file.h"
#include "quality/text_metrics.h"
#include "stats/interval.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using quality::Consistency;
using record::Verdict;

ScoringJob placement_job(const Rig& rig, const std::string& name, const std::string& experts) {
  ScoringJob job;
  job.name = name;
  job.device = rig.plan().target.device;
  job.experts = experts;
  job.trace = true;
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

void judge(const Rig& rig, const Consistency& floor, const Consistency& pair, ResultBuilder& result) {
  const double limit = rig.plan().thresholds.c4_agreement_min;
  const auto& interval = pair.agreement_wilson;
  std::string text = fmt::format(
      "top-1 agreement {:.4f} (95 % interval {:.4f} to {:.4f}, {} prompts), KL mean {:.2e} p99 {:.2e} nats; "
      "A/A {:.4f} and {:.2e}",
      pair.agreement_mean, interval.lo, interval.hi, pair.texts.size(), pair.kl_nats_mean, pair.kl_nats_p99,
      floor.agreement_mean, floor.kl_nats_mean);
  if (pair.diverged > 0)
    text += fmt::format("; {} texts part, {} of them at near-ties, widest margin {:.3f} nats", pair.diverged,
                        pair.near_ties, pair.margin_at_divergence_max);
  if (pair.routing_first_layer >= 0)
    text += fmt::format("; routing parts first in layer {}", pair.routing_first_layer);
  if (rig.software_device()) text += "; GPU-only is a software Vulkan device";
  if (interval.lo > limit) {
    result.judge(Verdict::Pass, text);
  } else if (interval.hi < limit) {
    result.judge(Verdict::Fail, text + fmt::format(": not more than {:.0f} %", 100 * limit));
  } else {
    const auto needed = stats::wilson_trials(pair.agreement_mean, limit);
    result.judge(
        Verdict::Inconclusive,
        text + fmt::format(": {} prompts don't tell whether it is more than {:.0f} %; {}", pair.texts.size(),
                           100 * limit,
                           needed
                               ? fmt::format("{} would, if they agree as well (consistency_prompts)", *needed)
                               : std::string("it is so near that more would hardly")));
  }
}

base::Status compare_placements(Rig& rig, ResultBuilder& result) {
  const std::string& experts = rig.plan().target.experts;
  const auto count = static_cast<std::size_t>(rig.sizes().consistency_prompts);
  ScoringJob gpu = placement_job(rig, "gpu-only", "gpu");
  // Short ones: many independent samples for little time.
  for (const auto& prompt : workload::shortest_prompts(count))
    gpu.texts.push_back({prompt.id, prompt.text, true});
  gpu.generate = rig.sizes().consistency_tokens;
  MOESTRESS_TRY(const std::string a, run_scoring(rig, gpu));

  ScoringJob again = placement_job(rig, "gpu-only-again", "gpu");
  again.from = a;
  MOESTRESS_TRY(const std::string a2, run_scoring(rig, again));

  ScoringJob offloaded = placement_job(rig, "offloaded", experts);
  offloaded.from = a;
  MOESTRESS_TRY(const std::string b, run_scoring(rig, offloaded));

  ScoringJob free = placement_job(rig, "offloaded-free", experts);
  free.texts = gpu.texts;
  free.generate = gpu.generate;
  free.trace = false;
  free.logits = false;
  MOESTRESS_TRY(const std::string b_free, run_scoring(rig, free));

  MOESTRESS_TRY(const Consistency floor, quality::compare_scores(a, a2, rig.seed("6.1/bootstrap")));
  MOESTRESS_TRY(const Consistency pair, quality::compare_scores(a, b, rig.seed("6.1/bootstrap")));
  note_consistency(floor, "aa_", result);
  note_consistency(pair, "", result);
  MOESTRESS_TRY(const Texts a_texts, replies_of(rig, a));
  MOESTRESS_TRY(const Texts b_texts, replies_of(rig, b_free));
  note_texts(a_texts.replies, b_texts.replies, "ab", result);
  judge(rig, floor, pair, result);
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
  const auto prompts = workload::shortest_prompts(static_cast<std::size_t>(rig.sizes().consistency_prompts));
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
  if (rig.run().device == "CPU") {
    result.judge(Verdict::Skipped,
                 "there is no GPU here to compare with: everything is on the CPU in both placements");
    return result.take();
  }
  const auto& layers = rig.facts().topology.moe_layers;
  if (std::none_of(layers.begin(), layers.end(), [&](int layer) { return rig.placement().on_cpu(layer); })) {
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

}  // namespace moestress::protocol

// S2 Expert Specialization Challenge: prompts aimed at the experts of one domain, and questions that need two
// domains, with sessions of all subjects side by side: does each domain load experts of its own, and does
// what the model knows survive the mix?
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "experts/routing_statistics.h"
#include "experts/specialists.h"
#include "protocol/question_round.h"
#include "protocol/result_builder.h"
#include "protocol/routing_sets.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using record::Verdict;
using workload::Domain;
using workload::Subject;

constexpr std::array kDomains{Domain::Science, Domain::Literature, Domain::Code};
constexpr std::array kSubjects{Subject::Science, Subject::Literature, Subject::Code, Subject::Cross};
/// Experts that a domain's prompts are aimed at are this part of a layer's, at least as many as one token
/// uses.
constexpr int kSubsetPart = 4;

std::size_t prompts_per_subset(const plan::TestParameters& sizes) {
  return static_cast<std::size_t>(sizes.challenge_prompts);
}

std::vector<workload::Question> questions_of(const plan::TestParameters& sizes) {
  return workload::questions_in_turn(kSubjects, static_cast<std::size_t>(sizes.specialisation_questions));
}

/// Questions alone and among others; a clause for the reason of a PASS.
std::string ask_alone_and_mixed(Rig& rig, ResultBuilder& result) {
  const auto questions = questions_of(rig.sizes());
  const auto sessions = static_cast<std::size_t>(std::max(2, rig.plan().target.slots));
  const auto alone = ask_target(rig, "S2", questions, 1, "asked alone", result);
  if (rig.cancelled() || !rig.has_target()) return {};
  const auto mixed =
      ask_target(rig, "S2", questions, sessions, fmt::format("in {} sessions", sessions), result);
  if (rig.facts().random_weights) {
    result.finding("info",
                   "the model's weights are random: the questions were asked, its answers aren't judged");
    return fmt::format("; {} questions answered alone and in {} sessions", questions.size(), sessions);
  }
  note_accuracy(alone, "alone_", result);
  note_accuracy(mixed, "mixed_", result);
  note_cut_replies(mixed, rig.sizes().specialisation_tokens, result);
  record::Table table{
      "Accuracy by domain, alone and under the mix", {"alone", "mixed", "questions"}, {}, {}, "table"};
  for (const Subject subject : kSubjects) {
    const Score a = score_of(alone, subject), m = score_of(mixed, subject);
    table.row_labels.emplace_back(workload::to_string(subject));
    table.rows.push_back({a.accuracy(), m.accuracy(), static_cast<double>(m.asked)});
  }
  result.table(std::move(table));
  const AnswerPairs pairs = pair_answers(alone, mixed);
  judge_loss(pairs, "under the mix", result);
  return fmt::format("; of {} right answers alone {} are lost and {} gained in {} sessions of all subjects",
                     pairs.right_in_reference, pairs.lost, pairs.gained, sessions);
}

/// Whether prompts of a domain load experts of their own; the reason of a PASS begins with it.
std::string note_aim(Rig& rig, const std::vector<RoutingSet>& sets, ResultBuilder& result) {
  std::vector<experts::Domain> domains;
  for (const auto& set : sets) domains.push_back({set.name, set.traces});
  const auto& topology = rig.facts().topology;
  const auto aim =
      experts::aim_at_subsets(domains, std::max(topology.experts_used, topology.experts / kSubsetPart),
                              rig.sizes().routing_permutations, rig.seed("S2/aim"));
  std::int64_t n = 0;
  for (const auto& set : sets) n += static_cast<std::int64_t>(set.traces.size());
  if (aim.folds == 0) {
    result.judge(
        Verdict::Inconclusive,
        "a domain has fewer than two prompts, so that none can be held out; take more challenge_prompts");
    return {};
  }
  record::Table table{
      fmt::format("Load on the {} experts of each layer that a domain's other prompts prefer", aim.subset),
      {"by chance"},
      {},
      {},
      "table"};
  for (const auto& set : sets) table.columns.push_back("prompts of " + set.name);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    table.row_labels.push_back("experts of " + sets[i].name);
    table.rows.push_back({aim.chance});
    table.rows.back().insert(table.rows.back().end(), aim.load[i].begin(), aim.load[i].end());
    result.metric("subset_load_" + sets[i].name, aim.load[i][i], "",
                  static_cast<std::int64_t>(sets[i].traces.size()));
    result.metric("subset_lead_" + sets[i].name, aim.lead[i], "", n);
    result.metric("subset_lead_p_" + sets[i].name, aim.lead_p[i], "", n);
  }
  result.table(std::move(table));
  result.metric("subset_load_by_chance", aim.chance, "", n);
  result.metric("subset_lead_mean", aim.lead_mean, "", n);
  result.metric("subset_lead_p", aim.p, "", n);
  if (aim.p >= kRoutingSignificance)
    result.finding(
        "info",
        fmt::format("prompts of a domain don't load experts of their own (p = {:.3f}, {} prompts): this "
                    "model's experts are no specialists of these domains, which is no fault",
                    aim.p, n));
  return fmt::format(
      "prompts of a domain load the experts that its other prompts prefer {:.1f} % more than the "
      "other domains' do (p = {:.3f}, {} prompts)",
      100 * aim.lead_mean, aim.p, n);
}

}  // namespace

record::TestResult scenario_s2_expert_specialization(Rig& rig) {
  ResultBuilder result;
  const std::string quality = ask_alone_and_mixed(rig, result);
  if (rig.cancelled()) return result.take();
  rig.make_room();
  std::vector<TextSet> texts;
  for (const Domain domain : kDomains)
    texts.push_back(prompt_texts(rig, domain, prompts_per_subset(rig.sizes()), false));
  const auto traced = trace_sets(rig, "challenge", texts, 0, "S2 ");
  if (!traced) {
    judge_no_traces(traced.error(), result);
    return result.take();
  }
  note_stand_in(rig, result);
  for (const auto& set : traced->sets) result.table(share_heatmap(set));
  judge_collapse(experts::layer_statistics(all_traces(traced->sets)), rig.facts().topology.experts_used,
                 result);
  const std::string aim = note_aim(rig, traced->sets, result);
  result.judge(Verdict::Pass, aim + quality);
  return result.take();
}

Work work_s2(const WorkInput& input) {
  const std::size_t count = prompts_per_subset(input.plan.tests);
  Work work = work_of_questions(input, questions_of(input.plan.tests));
  work.requests *= 2;
  work.prompt_tokens *= 2;
  work.reply_tokens *= 2;
  work.scored_tokens = work_of_prompts(input, kDomains, count);
  work.starts = 2;
  return work;
}

}  // namespace moestress::protocol

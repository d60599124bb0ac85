// 3.2 specialisation: which experts serve which domain, whether a mixed prompt's routing lies between its
// parts', and what the model knows in each domain. Questions are asked over HTTP first; then the target makes
// room, and `moestress score` traces prompts and answers the same questions, so that a server's fault can be
// told from a model's ignorance.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experts/expert_counts.h"
#include "experts/routing_statistics.h"
#include "experts/set_comparison.h"
#include "experts/specialisation.h"
#include "experts/specialists.h"
#include "experts/switching.h"
#include "protocol/mixed_prompts.h"
#include "protocol/question_round.h"
#include "protocol/result_builder.h"
#include "protocol/routing_locality.h"
#include "protocol/routing_sets.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using record::Verdict;
using workload::Domain;
using workload::Question;
using workload::Subject;

constexpr std::array kDomains{Domain::Science, Domain::Literature, Domain::Code};
/// The domains' subjects in the same order, and what they are held against.
constexpr std::array kSubjects{Subject::Science, Subject::Literature, Subject::Code, Subject::General};
constexpr std::size_t kExpertsShown = 12;

std::size_t prompts_per_domain(const plan::TestParameters& sizes) {
  return static_cast<std::size_t>(sizes.specialisation_prompts);
}

std::vector<Question> questions_of(const plan::TestParameters& sizes) {
  return workload::questions_in_turn(kSubjects, static_cast<std::size_t>(sizes.specialisation_questions));
}

/// Everything that is traced, each set of which is compared with others.
struct Traces {
  std::vector<RoutingSet> domains;  ///< kDomains
  RoutingSet mixed;
  RoutingSet special;  ///< questions of the domains …
  RoutingSet general;  ///< … and general ones
  std::vector<MixedPrompt> parts;
};

TextSet question_texts(const std::string& name, std::span<const Subject> subjects, std::size_t count) {
  TextSet set{name, {}};
  for (const Question& question : workload::questions_in_turn(subjects, count)) {
    if (set.texts.size() == count) break;
    set.texts.push_back({question.id, question.text, false});
  }
  return set;
}

/// Texts as they are, without a template: its words are the same in all of them.
std::vector<TextSet> texts_to_trace(const Rig& rig, std::vector<MixedPrompt>& parts) {
  const std::size_t count = prompts_per_domain(rig.sizes());
  std::vector<TextSet> sets;
  for (const Domain domain : kDomains) sets.push_back(prompt_texts(rig, domain, count, false));
  TextSet mixed = mix_prompts(sets, (count + 1) / 2, parts);
  sets.push_back(std::move(mixed));
  sets.push_back(question_texts("special questions", std::span(kSubjects).first(kDomains.size()), count));
  sets.push_back(question_texts("general questions", std::span(kSubjects).last(1), count));
  return sets;
}

base::Result<Traces> trace_all(Rig& rig) {
  Traces traces;
  const auto sets = texts_to_trace(rig, traces.parts);
  MOESTRESS_TRY(TracedSets all, trace_sets(rig, "specialisation", sets, 0, "3.2 "));
  std::vector<RoutingSet>& traced = all.sets;
  traces.general = std::move(traced[5]);
  traces.special = std::move(traced[4]);
  traces.mixed = std::move(traced[3]);
  traced.resize(kDomains.size());
  traces.domains = std::move(traced);
  return traces;
}

std::vector<experts::Domain> as_domains(const std::vector<RoutingSet>& sets) {
  std::vector<experts::Domain> domains;
  for (const auto& set : sets) domains.push_back({set.name, set.traces});
  return domains;
}

/// Mean over layers of effective experts / E.
double effective_share(std::span<const record::RoutingTrace> traces) {
  const auto layers = experts::layer_statistics(traces);
  double sum = 0;
  for (const auto& layer : layers) sum += layer.effective_experts / static_cast<double>(layer.share.size());
  return layers.empty() ? std::nan("") : sum / static_cast<double>(layers.size());
}

/// How often a chosen expert is chosen together with the one that it goes with most often.
double usual_partner_share(std::span<const record::RoutingTrace> traces, std::size_t layer) {
  const auto together = experts::co_activation(traces, layer);
  const auto shares = experts::count_experts(traces, layer).shares();
  double sum = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    double most = 0;
    for (std::size_t j = 0; j < shares.size(); ++j)
      if (j != i) most = std::max(most, together[i * shares.size() + j]);
    sum += shares[i] * most;
  }
  return sum;
}

void note_layers(const std::vector<RoutingSet>& sets, ResultBuilder& result) {
  const auto domains = as_domains(sets);
  const auto layers = experts::domain_specialisation(domains);
  std::vector<record::RoutingTrace> all = all_traces(sets);
  std::vector<std::vector<std::int32_t>> tokens;
  for (const auto& set : sets) tokens.insert(tokens.end(), set.tokens.begin(), set.tokens.end());
  record::Table table{"Specialisation by layer",
                      {"layer", "by chance", "spread over chance", "share given the token's id",
                       "with its usual partner", "overlap"},
                      {},
                      {},
                      "table"};
  for (const auto& domain : domains) table.columns.push_back("specialist of " + domain.name);
  double spread = 0, vocabulary_mean = 0, partner_mean = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& layer = layers[i];
    const auto by_id = experts::vocabulary_specialisation(all, tokens, i);
    double mean_by_id = 0;
    for (const double share : by_id) mean_by_id += share / static_cast<double>(by_id.size());
    const double partner = usual_partner_share(all, i);
    table.rows.push_back({static_cast<double>(layer.layer), layer.chance, layer.spread, mean_by_id, partner,
                          experts::consecutive_overlap(all, i)});
    for (const int expert : layer.specialists)
      table.rows.back().push_back(expert < 0 ? std::nan("") : static_cast<double>(expert));
    spread += layer.spread / static_cast<double>(layers.size());
    vocabulary_mean += mean_by_id / static_cast<double>(layers.size());
    partner_mean += partner / static_cast<double>(layers.size());
  }
  const auto n = static_cast<std::int64_t>(all.size());
  result.metric("domain_spread_mean", spread, "", n);
  result.metric("vocabulary_specialisation_mean", vocabulary_mean, "", n);
  result.metric("co_activation_mean", partner_mean, "", n);
  result.metric("co_activation_by_chance", (all[0].k - 1.0) / std::max(1, all[0].experts - 1), "", n);
  if (!layers.empty()) result.metric("specialisation_by_chance", layers.front().chance, "", n);
  result.table(std::move(table));
}

/// Experts that are specialised beyond chance, all experts together.
std::string note_specialists(Rig& rig, const std::vector<RoutingSet>& sets, ResultBuilder& result) {
  const auto domains = as_domains(sets);
  auto all = experts::specialists(domains, rig.sizes().routing_permutations, rig.seed("3.2/specialists"));
  const auto significant =
      std::count_if(all.begin(), all.end(), [](const auto& one) { return one.p < kRoutingSignificance; });
  const auto n = static_cast<std::int64_t>(all.size());
  result.metric("experts_specialised", static_cast<double>(significant), "", n);
  record::Table table{
      "Experts whose use depends most on the domain",
      {"layer", "expert", "share", "largest share elsewhere", "explained by domain", "p (all)"},
      {},
      {},
      "table"};
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.explained > b.explained; });
  for (std::size_t i = 0; i < std::min(kExpertsShown, all.size()); ++i) {
    const auto& one = all[i];
    table.row_labels.push_back(sets[one.domain].name);
    table.rows.push_back({static_cast<double>(one.layer), static_cast<double>(one.expert), one.share,
                          one.share_elsewhere, one.explained, one.p});
  }
  result.table(std::move(table));
  return fmt::format("{} of {} experts are specialised beyond chance", significant, n);
}

void note_pair(Rig& rig, const std::string& name, const RoutingSet& a, const RoutingSet& b,
               ResultBuilder& result) {
  const auto pair = experts::compare_sets(a.traces, b.traces, rig.sizes().routing_permutations,
                                          rig.seed("3.2/" + a.name + "/" + b.name));
  const auto n = static_cast<std::int64_t>(a.traces.size() + b.traces.size());
  result.metric("routing_jsd_bits_" + name, pair.jsd_mean_bits, "bits", n);
  result.metric("routing_p_" + name, pair.p, "", n);
}

/// The routing's part of the test; returns the reason of a PASS.
std::string judge_routing(Rig& rig, const Traces& traces, ResultBuilder& result) {
  const auto all = all_traces(traces.domains);
  for (const auto& set : traces.domains) result.table(share_heatmap(set));
  check_control(rig, traces.domains, "3.2", result);
  judge_collapse(experts::layer_statistics(all), rig.facts().topology.experts_used, result);
  note_layers(traces.domains, result);
  std::string reason = note_specialists(rig, traces.domains, result);
  for (std::size_t a = 0; a < traces.domains.size(); ++a)
    for (std::size_t b = a + 1; b < traces.domains.size(); ++b)
      note_pair(rig, traces.domains[a].name + "_" + traces.domains[b].name, traces.domains[a],
                traces.domains[b], result);
  note_pair(rig, "special_general", traces.special, traces.general, result);
  note_locality(all, rig.seed("3.2/cache"), result);
  return reason + judge_mixtures(traces.domains, traces.mixed, traces.parts, rig.seed("3.2/mixed"), result);
}

void note_quality(const std::vector<Answer>& answers, const std::vector<Answer>& reference,
                  const Traces& traces, ResultBuilder& result) {
  record::Table table{"Quality by domain",
                      {"accuracy", "accuracy of the model itself", "questions", "effective experts / experts",
                       "accuracy per effective share"},
                      {},
                      {},
                      "table"};
  for (std::size_t i = 0; i < kSubjects.size(); ++i) {
    const Score score = score_of(answers, kSubjects[i]), own = score_of(reference, kSubjects[i]);
    const double effective =
        effective_share(i < traces.domains.size() ? traces.domains[i].traces : traces.general.traces);
    const std::string name = workload::to_string(kSubjects[i]);
    if (score.asked > 0)
      result.metric("quality_per_effective_share_" + name, score.accuracy() / effective, "", score.asked);
    result.metric("expert_effective_share_" + name, effective, "", score.asked);
    table.row_labels.push_back(name);
    table.rows.push_back({score.asked > 0 ? score.accuracy() : std::nan(""),
                          own.asked > 0 ? own.accuracy() : std::nan(""), static_cast<double>(score.asked),
                          effective, score.asked > 0 ? score.accuracy() / effective : std::nan("")});
  }
  result.table(std::move(table));
}

/// Whether answers got lost between the model and its server; a clause for the reason of a PASS.
std::string judge_answers(Rig& rig, const std::vector<Question>& questions,
                          const std::vector<Answer>& answers, const Traces& traces, ResultBuilder& result) {
  const auto reference = answers_of_model(rig, questions);
  if (!reference) {
    judge_no_traces(reference.error(), result);
    return {};
  }
  note_accuracy(*reference, "reference_", result);
  note_quality(answers, *reference, traces, result);
  const AnswerPairs pairs = pair_answers(*reference, answers);
  judge_loss(pairs, "through the server", result);
  std::string clause = "; right answers";
  for (const Subject subject : kSubjects) {
    const Score score = score_of(answers, subject);
    clause += fmt::format("{} {} {} of {}", subject == kSubjects.front() ? "" : ",",
                          workload::to_string(subject), score.right, score.asked);
  }
  return clause + fmt::format("; of {} that the model knows {} are lost through the server and {} gained",
                              pairs.right_in_reference, pairs.lost, pairs.gained);
}

}  // namespace

record::TestResult test_3_2_specialisation(Rig& rig) {
  ResultBuilder result;
  const auto questions = questions_of(rig.sizes());
  const auto answers = ask_target(rig, "3.2", questions, 1, "asked alone", result);
  if (rig.cancelled()) return result.take();
  rig.make_room();
  const auto traces = trace_all(rig);
  if (!traces) {
    judge_no_traces(traces.error(), result);
    return result.take();
  }
  note_stand_in(rig, result);
  std::string reason = judge_routing(rig, *traces, result);
  if (rig.facts().random_weights) {
    result.finding("info",
                   "the model's weights are random: the questions were asked, its answers aren't judged");
  } else {
    note_accuracy(answers, "", result);
    note_cut_replies(answers, rig.sizes().specialisation_tokens, result);
    reason += judge_answers(rig, questions, answers, *traces, result);
  }
  result.judge(Verdict::Pass, reason);
  return result.take();
}

Work work_3_2(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  const auto questions = questions_of(sizes);
  Work work = work_of_questions(input, questions);
  // Half of the prompts are traced once more in a mixed one with each of the two other domains.
  const std::int64_t traced = 2 * work_of_prompts(input, kDomains, prompts_per_domain(sizes));
  work.scored_tokens = traced;
  if (!input.facts.random_weights) work.scored_tokens += work.prompt_tokens + work.reply_tokens;
  work.starts = input.facts.random_weights ? 2 : 3;
  return work;
}

}  // namespace moestress::protocol

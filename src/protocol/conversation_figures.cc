#include "protocol/conversation_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "load/latency.h"
#include "quality/text_metrics.h"
#include "stats/fit.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using workload::Answer;
using workload::QuestionKind;

constexpr std::int64_t kColdPromptsMin = 6;  // of a slope

/// The share of questions for which `holds`. Conversations are the samples: questions of one depend on each
/// other, so the interval counts conversations.
template <class Holds>
void note_share(const std::string& name, const std::vector<Graded>& grades, Holds holds,
                ResultBuilder& result) {
  std::map<std::size_t, std::pair<double, double>> conversations;  // held, asked
  for (const Graded& graded : grades) {
    auto& [held, asked] = conversations[graded.conversation];
    held += holds(graded) ? 1 : 0;
    asked += 1;
  }
  if (conversations.empty()) return;
  double sum = 0;
  for (const auto& [conversation, counts] : conversations) sum += counts.first / counts.second;
  const auto n = static_cast<double>(conversations.size());
  result.metric(name, sum / n, "", static_cast<std::int64_t>(conversations.size()), stats::wilson(sum, n));
}

}  // namespace

const std::vector<QuestionGroup>& question_groups() {
  static const std::vector<QuestionGroup> kGroups{
      {"told", "what was told", {QuestionKind::Recall, QuestionKind::Updated, QuestionKind::FollowUp}},
      {"recall", "what was told once", {QuestionKind::Recall}},
      {"updated", "what was told anew", {QuestionKind::Updated}},
      {"follow_up", "what needs the turn before", {QuestionKind::FollowUp}},
      {"abstention", "what was never told", {QuestionKind::Untold}}};
  return kGroups;
}

std::vector<Graded> of_group(const std::vector<Graded>& grades, const QuestionGroup& group) {
  std::vector<Graded> kept;
  std::copy_if(grades.begin(), grades.end(), std::back_inserter(kept), [&](const Graded& graded) {
    return std::find(group.kinds.begin(), group.kinds.end(), graded.question->kind) != group.kinds.end();
  });
  return kept;
}

void note_quality(const std::vector<Graded>& grades, ResultBuilder& result) {
  for (const QuestionGroup& group : question_groups()) {
    const auto members = of_group(grades, group);
    note_share(
        fmt::format("{}_share", group.name), members, [](const Graded& g) { return g.right(); }, result);
    note_share(
        fmt::format("{}_share_alone", group.name), members, [](const Graded& g) { return g.right_alone(); },
        result);
  }
  const auto updated = of_group(grades, question_groups()[2]);
  note_share(
      "stale_share", updated, [](const Graded& g) { return g.answer == Answer::Stale; }, result);

  std::vector<Graded> late;
  std::vector<double> similarities;
  std::map<std::pair<std::size_t, std::size_t>, const Graded*> asked;
  for (const Graded& graded : grades) asked[{graded.conversation, graded.turn}] = &graded;
  const auto early_of = [&](const Graded& graded) {
    const auto found =
        asked.find({graded.conversation, static_cast<std::size_t>(graded.question->asked_before)});
    return found == asked.end() ? nullptr : found->second;
  };
  for (const Graded& graded : grades) {
    const Graded* early = graded.question->asked_before < 0 ? nullptr : early_of(graded);
    if (early == nullptr) continue;
    late.push_back(graded);
    similarities.push_back(quality::edit_similarity(early->exchange->answer, graded.exchange->answer));
  }
  note_share(
      "early_late_same_share", late, [&](const Graded& g) { return early_of(g)->answer == g.answer; },
      result);
  if (!similarities.empty())
    result.metric("early_late_similarity_mean", stats::summarize(similarities).mean, "",
                  static_cast<std::int64_t>(similarities.size()), stats::mean_interval(similarities));
}

void note_turns(const ConversationLoad& load, int turns, ResultBuilder& result) {
  record::Table table{
      "By turn, medians over conversations",
      {"turn", "TTFT ms", "decode tok/s", "prompt tokens", "claimed prompt tokens", "cached tokens"},
      {},
      {},
      "line"};
  double claimed = 0, cached = 0;
  std::int64_t told = 0;
  for (std::size_t turn = 0; turn < static_cast<std::size_t>(turns); ++turn) {
    std::vector<double> ttft, speed, tokens, claims, hits;
    for (const auto& conversation : load.conversations) {
      if (turn >= conversation.size() || !conversation[turn].outcome || !conversation[turn].outcome->ok())
        continue;
      const Outcome& outcome = *conversation[turn].outcome;
      if (outcome.first_text.count() >= 0) ttft.push_back(base::to_ms(outcome.first_text - outcome.planned));
      if (const auto rate = load::decode_tok_s(outcome)) speed.push_back(*rate);
      if (outcome.prompt_tokens >= 0) tokens.push_back(static_cast<double>(outcome.prompt_tokens));
      if (outcome.claims.prompt_tokens) claims.push_back(static_cast<double>(*outcome.claims.prompt_tokens));
      if (!outcome.claims.cached_prompt_tokens) continue;
      hits.push_back(static_cast<double>(*outcome.claims.cached_prompt_tokens));
      if (turn == 0 || outcome.prompt_tokens <= 0) continue;
      ++told;
      cached += hits.back();
      claimed += static_cast<double>(outcome.prompt_tokens);
    }
    std::vector<double> row{static_cast<double>(turn + 1)};
    for (const auto& values : {ttft, speed, tokens, claims, hits})
      row.push_back(stats::quantile(values, 0.5));
    table.rows.push_back(std::move(row));
  }
  result.table(std::move(table));
  if (claimed > 0) result.metric("cached_prompt_share", cached / claimed, "", told);
}

void note_prefix_reuse(const ConversationLoad& load, const QuestionLoad& alone, ResultBuilder& result) {
  const auto line = [](const std::vector<Exchange>& exchanges) {
    std::vector<double> tokens, ttft;
    for (const Exchange& exchange : exchanges) {
      if (!exchange.outcome || !exchange.outcome->ok() || exchange.outcome->first_text.count() < 0 ||
          exchange.outcome->prompt_tokens < 0)
        continue;
      tokens.push_back(static_cast<double>(exchange.outcome->prompt_tokens));
      ttft.push_back(base::to_ms(exchange.outcome->first_text - exchange.outcome->planned));
    }
    return stats::linear_fit(tokens, ttft);
  };
  std::vector<double> slopes;
  for (const auto& conversation : load.conversations)
    if (const auto fit = line(conversation); fit && fit->n >= 3) slopes.push_back(fit->slope);
  if (slopes.empty()) return;
  const double slope = stats::summarize(slopes).mean;
  const auto interval = stats::mean_interval(slopes);
  const auto n = static_cast<std::int64_t>(slopes.size());
  result.metric("ttft_ms_per_prompt_token", slope, "ms", n, interval);
  const auto cold = line(alone.exchanges);
  if (!cold || cold->n < kColdPromptsMin) return;
  result.metric("ttft_ms_per_prompt_token_cold", cold->slope, "ms", cold->n, cold->slope_interval);
  if (interval.bounded() && cold->slope_interval.bounded() && interval.hi < cold->slope_interval.lo / 2)
    result.finding("info",
                   fmt::format("the prefix is reused: a token of history adds {:.3g} ms to the time to first "
                               "token, one of a cold prompt {:.3g} ms",
                               slope, cold->slope));
}

}  // namespace moestress::protocol

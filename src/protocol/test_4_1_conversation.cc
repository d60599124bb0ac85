// 4.1 conversation: what was told is recalled, updates and all, in conversations that go off the topic and
// come back, held against the same questions asked alone; whether turns get lost or sessions mixed up; speed
// by turn.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "load/latency.h"
#include "protocol/conversation_figures.h"
#include "protocol/failure.h"
#include "protocol/history_check.h"
#include "protocol/prompt_claims.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "stats/significance.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

constexpr double kSignificance = 0.05;
/// Of questions right alone, so that all of them wrong in conversation would be significant in the worst of
/// five tests: 2·2⁻⁸ < 0.05/5.
constexpr std::int64_t kRightAloneMin = 8;
constexpr int kTurnsOfProtocol = 10;
/// Below this share of replies alone that the model's file explains, it explains nothing of this server.
constexpr double kExplainedMin = 0.8;

/// One group's questions in conversation against alone.
struct Paired {
  std::int64_t n = 0, right = 0, right_alone = 0;
  std::int64_t lost = 0, won = 0;  ///< right alone only, in conversation only
  double p = 1;
  std::vector<const Exchange*> lost_exchanges, alone_exchanges;
};

Paired pair_up(const std::vector<Graded>& members) {
  Paired paired;
  for (const Graded& graded : members) {
    if (graded.alone == nullptr) continue;
    ++paired.n;
    paired.right += graded.right();
    paired.right_alone += graded.right_alone();
    paired.won += graded.right() && !graded.right_alone();
    if (graded.right() || !graded.right_alone()) continue;
    ++paired.lost;
    paired.lost_exchanges.push_back(graded.exchange);
    paired.alone_exchanges.push_back(graded.alone);
  }
  paired.p = stats::mcnemar_exact(paired.lost, paired.won);
  return paired;
}

/// A model may well forget by itself. Whether it did is seen by teacher forcing: then its file gives the same
/// replies to the same history. `alone`: of replies to questions alone, once for all groups.
void judge_forgetting(Rig& rig, const QuestionGroup& group, const Paired& paired,
                      std::optional<HistoryCheck>& alone, ResultBuilder& result) {
  const std::string text = fmt::format(
      "of {} questions on {}, {} are answered right in conversation and {} alone (McNemar p = {:.2g})",
      paired.n, group.people, paired.right, paired.right_alone, paired.p);
  const auto check = [&](const char* where, const std::vector<const Exchange*>& exchanges) {
    const auto checked = check_history(rig, fmt::format("{}-{}", group.name, where), exchanges);
    if (checked && checked->checked > 0) return std::optional<HistoryCheck>(*checked);
    result.judge(Verdict::Inconclusive,
                 text + "; whether the model forgets by itself could not be found out");
    if (!checked) result.finding("warning", "teacher forcing: " + checked.error().message);
    return std::optional<HistoryCheck>();
  };
  if (!alone) alone = check("alone", paired.alone_exchanges);
  if (!alone) return;
  if (alone->share() < kExplainedMin) {  // another model than the file's, or one that is not asked greedily
    if (2 * paired.right < paired.right_alone)
      result.judge(Verdict::Fail, text + ": what was said earlier does not reach the model, or is forgotten");
    else
      result.judge(
          Verdict::Inconclusive,
          text + fmt::format("; whether the model forgets by itself can't be told: its file gives {} "
                             "of {} replies to questions alone",
                             alone->explained, alone->checked));
    return;
  }
  const auto held = check("held", paired.lost_exchanges);
  if (!held) return;
  const std::string checked = fmt::format(
      "{} of {} such replies are what the model's file says to the whole history ({} of {} alone)",
      held->explained, held->checked, alone->explained, alone->checked);
  if (held->share() < 0.5)
    result.judge(Verdict::Fail,
                 text + ", and only " + checked + ": the history does not reach the model whole");
  else
    result.finding("warning", text + "; but " + checked + ": the model forgets by itself, not the server");
}

void judge_recall(Rig& rig, const std::vector<Graded>& grades, ResultBuilder& result) {
  std::vector<Paired> pairs;
  std::vector<double> p;
  for (const QuestionGroup& group : question_groups()) {
    pairs.push_back(pair_up(of_group(grades, group)));
    p.push_back(pairs.back().n > 0 ? pairs.back().p : std::nan(""));
  }
  const auto adjusted = stats::holm(p);
  std::optional<HistoryCheck> alone;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    Paired& paired = pairs[i];
    if (paired.n == 0) continue;
    paired.p = adjusted[i];
    result.metric(fmt::format("{}_mcnemar_p", question_groups()[i].name), paired.p, "", paired.n);
    if (paired.p < kSignificance && paired.lost > paired.won && !rig.cancelled())
      judge_forgetting(rig, question_groups()[i], paired, alone, result);
  }
  for (std::size_t i = 1; i < pairs.size(); ++i)
    if (pairs[i].n > 0 && pairs[i].right_alone < kRightAloneMin)
      result.undecided(question_groups()[i].people,
                       fmt::format("{} of {} questions are answered right even alone, it takes {}",
                                   pairs[i].right_alone, pairs[i].n, kRightAloneMin));
  const Paired& told = pairs.front();
  if (told.right_alone < kRightAloneMin)
    result.judge(
        Verdict::Inconclusive,
        fmt::format("{} of {} questions on what was told are answered right even alone; it takes {} to "
                    "tell forgetting from not knowing: raise conversation_count, or take a model that "
                    "can answer them",
                    told.right_alone, told.n, kRightAloneMin));
}

void judge_cross_talk(Rig& rig, const FittedConversations& fitted, const ConversationLoad& load,
                      ResultBuilder& result) {
  const auto at_once = static_cast<std::size_t>(std::max(1, rig.plan().target.slots));
  if (load.conversations.size() < 2 || at_once < 2) {
    result.undecided("whether sessions are mixed up", "one conversation at a time");
    return;
  }
  const CrossTalk found = find_cross_talk(fitted.set, load, at_once, rig.facts().random_weights);
  const auto n = static_cast<std::int64_t>(load.conversations.size());
  result.metric("cross_talk_values_made_up", static_cast<double>(found.made_up), "", n);
  if (!rig.facts().random_weights) {
    result.metric("cross_talk_values", static_cast<double>(found.guessable), "", n);
    result.metric("cross_talk_values_by_chance", static_cast<double>(found.decoys), "", n);
  }
  const bool mixed = found.guessable >= 2 && found.chance_p < kSignificance;
  if (found.made_up > 0 || mixed)
    result.judge(
        Verdict::Fail,
        fmt::format("cross-talk: {} values told only in other conversations are named, {} of them made "
                    "up; {}",
                    found.made_up + found.guessable, found.made_up, found.example));
  else if (found.guessable > 0)
    result.finding("warning",
                   fmt::format("{}; values told nowhere were named {} times, so this may be chance",
                               found.example, found.decoys));
}

std::optional<PromptCount> prompt_count(const Exchange& exchange) {
  if (!exchange.outcome || !exchange.outcome->ok() || exchange.outcome->prompt_tokens < 0)
    return std::nullopt;
  const auto claimed = exchange.outcome->claims.prompt_tokens;
  if (!claimed || *claimed == 0) return std::nullopt;  // shimmy's usage is always 0
  return PromptCount{*claimed, exchange.outcome->prompt_tokens};
}

/// Whether the server's claims were there to be looked at.
bool judge_claims(Rig& rig, const ConversationLoad& load, const QuestionLoad& alone, ResultBuilder& result) {
  std::vector<std::vector<PromptCount>> turns;
  std::vector<PromptCount> whole;
  for (const auto& conversation : load.conversations) {
    turns.emplace_back();
    for (const Exchange& exchange : conversation) {
      const auto count = prompt_count(exchange);
      if (!count) break;
      turns.back().push_back(*count);
    }
    whole.insert(
        whole.end(), turns.back().begin(),
        turns.back().begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, turns.back().size())));
  }
  for (const Exchange& exchange : alone.exchanges)
    if (const auto count = prompt_count(exchange)) whole.push_back(*count);
  const bool ollama = rig.has_target() && rig.target().dialect() == target::Dialect::Ollama;
  if (whole.empty() || ollama) {
    result.finding("info", whole.empty()
                               ? "the server does not say how many prompt tokens it read, so turns that it "
                                 "leaves out can't be seen from that"
                               : "Ollama's prompt_eval_count may leave out what was cached, so turns that "
                                 "it leaves out can't be seen from that");
    return false;
  }
  const ClaimScale scale = claim_scale(whole);
  std::int64_t missing = 0, looked_at = 0;
  std::string example;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto at = turns_missing(turns[i], scale);
    looked_at += static_cast<std::int64_t>(turns[i].size());
    missing += static_cast<std::int64_t>(at.size());
    if (!at.empty() && example.empty())
      example = fmt::format("conversation {}, turn {}: {} claimed, {} counted", i + 1, at.front() + 1,
                            turns[i][at.front()].claimed, turns[i][at.front()].counted);
  }
  result.metric("turns_with_lost_history", static_cast<double>(missing), "", looked_at);
  if (missing > 0)
    result.judge(
        Verdict::Fail,
        fmt::format("the server's own count of prompt tokens lacks earlier turns at {} of {} "
                    "turns ({}{})",
                    missing, looked_at, example, scale.exact ? "" : fmt::format(" × {:.2f}", scale.ratio)));
  return true;
}

bool note_failures(const std::vector<Exchange>& exchanges, const std::string& what,
                   std::vector<Outcome>& outcomes, ResultBuilder& result) {
  bool failed = false;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    if (!exchanges[i].outcome) continue;
    outcomes.push_back(*exchanges[i].outcome);
    const auto failure = failure_of(*exchanges[i].outcome);
    if (failure && !failed) result.judge(Verdict::Fail, fmt::format("{} {} {}", what, i + 1, *failure));
    failed = failed || failure.has_value();
  }
  return failed;
}

}  // namespace

record::TestResult test_4_1_conversation(Rig& rig) {
  ResultBuilder result;
  const auto& sizes = rig.sizes();
  const FittedConversations fitted =
      fit_conversations(rig, static_cast<std::size_t>(sizes.conversation_count), sizes.conversation_turns,
                        sizes.conversation_tokens, rig.seed("4.1/conversations"));
  if (fitted.turns == 0) {
    result.judge(
        Verdict::Skipped,
        fmt::format("a conversation of {} exchanges with replies of {} tokens takes {} tokens, the context "
                    "has {}: raise target.context_tokens or lower conversation_tokens",
                    workload::kConversationTurnsMin, sizes.conversation_tokens, fitted.prompt_tokens,
                    fitted.context_tokens));
    return result.take();
  }
  if (!fitted.shortened.empty()) result.finding("warning", fitted.shortened);
  if (fitted.turns < kTurnsOfProtocol)
    result.finding(
        "info",
        fmt::format("{} exchanges leave out some kinds of question; the protocol's conversations have {} "
                    "and more",
                    fitted.turns, kTurnsOfProtocol));
  const ConversationLoad load =
      hold_conversations(rig, "4.1", fitted.set.conversations, sizes.conversation_tokens);
  std::vector<Outcome> outcomes, alone_outcomes;
  bool failed = false;
  for (std::size_t i = 0; i < load.conversations.size(); ++i)
    failed |=
        note_failures(load.conversations[i], fmt::format("conversation {}, turn", i + 1), outcomes, result);
  Controls controls(rig, fitted.set.conversations);
  QuestionLoad alone;
  if (rig.facts().random_weights)
    result.finding("info", "random weights: what is said is not judged, and replies are cut in the history");
  else if (!rig.cancelled() && rig.has_target() && !rig.target().death() && !failed)
    alone = ask_alone(rig, "4.1", controls.take_messages(), sizes.conversation_tokens);
  note_failures(alone.exchanges, "a question alone,", alone_outcomes, result);
  for (const auto& reason : {load.lag_reason, alone.lag_reason})
    if (!reason.empty()) result.judge(Verdict::Invalid, reason);

  result.metrics(load::latency_metrics(outcomes));
  result.metric("conversation_turns", fitted.turns, "", static_cast<std::int64_t>(load.conversations.size()));
  note_turns(load, fitted.turns, result);
  note_prefix_reuse(load, alone, result);
  judge_cross_talk(rig, fitted, load, result);
  const bool claims = judge_claims(rig, load, alone, result);
  std::string recalled = "what was said is not judged";
  if (!rig.facts().random_weights && !failed) {
    const auto grades = grade(fitted.set.conversations, load, controls, alone);
    note_quality(grades, result);
    judge_recall(rig, grades, result);
    const Paired told = pair_up(of_group(grades, question_groups().front()));
    recalled = fmt::format("{} of {} questions on what was told answered right, {} alone", told.right, told.n,
                           told.right_alone);
  }
  const std::size_t held = load.conversations.size();
  result.judge(Verdict::Pass,
               fmt::format("{} conversation{} of {} exchanges, none failed{}; {}", held, held == 1 ? "" : "s",
                           fitted.turns, claims ? ", no turn lost" : "", recalled));
  return result.take();
}

Work work_4_1(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  constexpr std::int64_t kTurnTokens = 26;  // a sentence in its template, and the reply's part of that
  const std::int64_t count = sizes.conversation_count, turns = sizes.conversation_turns;
  const std::int64_t reply = sizes.conversation_tokens;
  const std::int64_t questions = input.facts.random_weights ? 0 : turns / 2;  // alone
  Work work;
  work.requests = count * (turns + questions);
  work.prompt_tokens = count * ((kTurnTokens + reply) * turns * (turns - 1) / 2 + 2 * kTurnTokens * turns +
                                questions * 2 * kTurnTokens);
  work.reply_tokens = count * (turns + questions) * reply;
  return work;
}

}  // namespace moestress::protocol

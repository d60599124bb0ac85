#include "protocol/cross_talk_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "protocol/cross_talk.h"
#include "protocol/history_check.h"
#include "protocol/scoring.h"
#include "quality/score_file.h"

namespace moestress::protocol {
namespace {

using record::Outcome;
using record::Verdict;

/// The margin between the two best tokens after `prefix` of the reply, by teacher forcing in a process of its
/// own: for servers that tell no log probabilities.
base::Result<double> margin_by_teacher_forcing(Rig& rig, const record::Request& request,
                                               std::string_view prefix) {
  MOESTRESS_TRY(const std::string prompt, rig.facts().tokenizer->apply_chat_template(request.messages));
  ScoringJob job;
  job.name = fmt::format("cross-talk-{}", request.id.value);
  job.device = rig.plan().target.device;
  job.experts = rig.plan().target.experts;
  job.texts = {{"parted", prompt + std::string(prefix), false}};
  job.slots = 1;
  MOESTRESS_TRY(const std::string path, run_scoring(rig, job));
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  MOESTRESS_TRY(const auto text, reader.next());
  if (!text || text->tokens.empty()) return base::fail(base::ErrorCode::Format, "{}: holds no text", path);
  const auto row = text->row(text->tokens.size() - 1);
  std::vector<float> logits(row.begin(), row.end());
  std::partial_sort(logits.begin(), logits.begin() + 2, logits.end(), std::greater<>());
  return static_cast<double>(logits[0] - logits[1]);
}

/// Whether a reply that parts where rounding may reach is what the model says to its own session's prompt, as
/// near as rounding comes.
base::Result<Parting> part_by_teacher_forcing(Rig& rig, const record::Request& request, const Outcome& beside,
                                              std::size_t parted_at) {
  if (rig.facts().random_weights) return Parting::CrossTalk;  // unquantised: rounding does not reach so far
  if (beside.text.size() <= parted_at)
    return Parting::CrossTalk;  // cut short: its tokens would all be explained
  const Exchange exchange{request.messages, beside, beside.text};
  MOESTRESS_TRY(const HistoryCheck check, check_history(rig, fmt::format("cross-talk-{}", request.id.value),
                                                        {&exchange}, kRoundingNatsMax));
  if (check.checked == 0)
    return base::fail(base::ErrorCode::Format, "the reply is empty, or too long for that");
  return check.explained > 0 ? Parting::NearTie : Parting::CrossTalk;
}

}  // namespace

void judge_cross_talk(Rig& rig, const std::vector<std::vector<record::Request>>& requests,
                      const std::vector<std::vector<Outcome>>& alone,
                      const std::vector<std::vector<Outcome>>& beside, TextComparisons& counts,
                      ResultBuilder& result) {
  const auto unknown = [&](const base::Error& error) {
    result.finding("warning", "a text parted and could not be teacher-forced: " + error.message);
    result.judge(Verdict::Inconclusive,
                 "texts beside others parted from their texts alone, and whether by rounding could not be "
                 "found out");
  };
  for (std::size_t i = 0; i < beside.size(); ++i) {
    for (std::size_t round = 0; round < beside[i].size() && round < alone[i].size(); ++round) {
      if (!beside[i][round].ok() || !alone[i][round].ok()) continue;
      ++counts.compared;
      TextComparison comparison = compare_with_alone(alone[i][round], beside[i][round]);
      if (comparison.parting == Parting::Same) continue;
      if (!comparison.margin_known) {
        const auto margin = margin_by_teacher_forcing(
            rig, requests[i][round], std::string_view(alone[i][round].text).substr(0, comparison.byte));
        if (!margin) {
          unknown(margin.error());
          continue;
        }
        comparison.margin_nats = *margin;
        comparison.parting = parting_at(*margin);
      }
      std::string explained = "a near-tie";
      if (comparison.parting == Parting::Doubtful) {
        const auto parting =
            part_by_teacher_forcing(rig, requests[i][round], beside[i][round], comparison.byte);
        if (!parting) {
          unknown(parting.error());
          continue;
        }
        comparison.parting = *parting;
        explained = "rounding, since by the model's file all of the reply answers its own prompt";
      }
      const std::string where =
          fmt::format("{} sessions, session {} ({}): text parts at byte {}, margin {:.3f} nats",
                      beside.size(), i + 1, beside[i][round].label, comparison.byte, comparison.margin_nats);
      if (comparison.parting == Parting::NearTie) {
        ++counts.near_ties;
        result.finding("info", fmt::format("{}: {}, no cross-talk", where, explained));
      } else {
        ++counts.cross_talk;
        result.finding("error", where + ": cross-talk");
        result.judge(Verdict::Fail, "cross-talk: " + where);
      }
    }
  }
}

}  // namespace moestress::protocol

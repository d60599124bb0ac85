#include "protocol/question_round.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "engine/model.h"
#include "protocol/failure.h"
#include "protocol/scoring.h"
#include "quality/score_file.h"
#include "stats/interval.h"
#include "stats/significance.h"

namespace moestress::protocol {
namespace {

using record::Verdict;
using workload::Question;
using workload::Subject;

record::Request request_of(const Question& question, base::RequestId id, base::SessionId session,
                           int max_tokens) {
  record::Request request;
  request.id = id;
  request.session = session;
  request.label = fmt::format("{} question", workload::to_string(question.subject));
  request.messages = {{"user", question.text}};
  request.max_tokens = max_tokens;
  return request;
}

/// What the model said before it would have ended.
std::string reply_of(const engine::Model& model, const quality::ScoredText& text, bool& ended) {
  std::vector<engine::Token> reply(text.tokens.begin() + static_cast<std::ptrdiff_t>(text.scored_from),
                                   text.tokens.end());
  const auto end = std::find_if(reply.begin(), reply.end(),
                                [&](engine::Token token) { return model.is_end_of_generation(token); });
  ended = end != reply.end();
  reply.erase(end, reply.end());
  return model.detokenize(reply);
}

}  // namespace

std::vector<Answer> ask_target(Rig& rig, const std::string& test_id, std::span<const Question> questions,
                               std::size_t sessions, const std::string& when, ResultBuilder& result) {
  std::vector<std::vector<record::Request>> requests(std::min(sessions, questions.size()));
  std::vector<base::SessionId> ids;
  for (std::size_t i = 0; i < requests.size(); ++i) ids.push_back(rig.next_session());
  std::unordered_map<std::int64_t, std::size_t> question_of;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const std::size_t session = i % requests.size();
    requests[session].push_back(
        request_of(questions[i], rig.request_ids().next(), ids[session], rig.sizes().specialisation_tokens));
    question_of[requests[session].back().id.value] = i;
  }
  std::vector<Answer> answers(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) answers[i].subject = questions[i].subject;
  for (auto& outcome : rig.closed_loop(test_id, std::move(requests)).outcomes) {
    const std::size_t i = question_of.at(outcome.request.value);
    if (const auto failure = failure_of(outcome)) {
      result.finding("error", fmt::format("{}, {}: the request {}", when, questions[i].id, *failure));
      result.judge(Verdict::Fail, fmt::format("{}, the request for {} {}", when, questions[i].id, *failure));
    }
    answers[i].complete = outcome.ok();
    answers[i].cut = outcome.finish_reason == "length";
    answers[i].right = outcome.ok() && workload::is_answered(questions[i], outcome.text);
    answers[i].text = std::move(outcome.text);
  }
  return answers;
}

base::Result<std::vector<Answer>> answers_of_model(Rig& rig, std::span<const Question> questions) {
  ScoringJob job;
  job.name = "questions";
  job.device = rig.device();
  job.experts = rig.plan().target.experts;
  job.logits = false;
  job.generate = rig.sizes().specialisation_tokens;
  for (const Question& question : questions) job.texts.push_back({question.id, question.text, true});
  MOESTRESS_TRY(const std::string path, run_scoring(rig, job));
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  std::vector<Answer> answers;
  for (const Question& question : questions) {
    MOESTRESS_TRY(const auto text, reader.next());
    if (!text || text->id != question.id)
      return base::fail(base::ErrorCode::Format, "{}: its texts are not the questions that were asked", path);
    Answer answer;
    answer.subject = question.subject;
    answer.complete = true;
    bool ended = false;
    answer.text = reply_of(*rig.facts().tokenizer, *text, ended);
    answer.cut = !ended;
    answer.right = workload::is_answered(question, answer.text);
    answers.push_back(std::move(answer));
  }
  return answers;
}

Score score_of(std::span<const Answer> answers, Subject subject) {
  Score score;
  for (const Answer& answer : answers) {
    if (answer.subject != subject || !answer.complete) continue;
    ++score.asked;
    score.right += answer.right ? 1 : 0;
  }
  return score;
}

Score score_of(std::span<const Answer> answers) {
  Score sum;
  for (const Subject subject : workload::kSubjects) {
    const Score one = score_of(answers, subject);
    sum.asked += one.asked;
    sum.right += one.right;
  }
  return sum;
}

void note_accuracy(std::span<const Answer> answers, const std::string& prefix, ResultBuilder& result) {
  for (const Subject subject : workload::kSubjects) {
    const Score score = score_of(answers, subject);
    if (score.asked == 0) continue;
    result.metric(fmt::format("{}accuracy_{}", prefix, workload::to_string(subject)), score.accuracy(), "",
                  score.asked,
                  stats::wilson(static_cast<double>(score.right), static_cast<double>(score.asked)));
  }
}

void note_cut_replies(std::span<const Answer> answers, int bound, ResultBuilder& result) {
  const auto cut = std::count_if(answers.begin(), answers.end(), [](const Answer& answer) {
    return answer.complete && answer.cut && !answer.right;
  });
  if (2 * cut > static_cast<std::ptrdiff_t>(answers.size()))
    result.finding(
        "warning",
        fmt::format("{} of {} replies came to their bound of {} tokens without the answer: take more "
                    "specialisation_tokens",
                    cut, answers.size(), bound));
}

AnswerPairs pair_answers(std::span<const Answer> reference, std::span<const Answer> other) {
  AnswerPairs pairs;
  for (std::size_t i = 0; i < std::min(reference.size(), other.size()); ++i) {
    if (!reference[i].complete || !other[i].complete) continue;
    ++pairs.pairs;
    pairs.same_text += reference[i].text == other[i].text ? 1 : 0;
    pairs.right_in_reference += reference[i].right ? 1 : 0;
    pairs.lost += reference[i].right && !other[i].right ? 1 : 0;
    pairs.gained += !reference[i].right && other[i].right ? 1 : 0;
  }
  pairs.p = stats::mcnemar_exact(pairs.lost, pairs.gained);
  return pairs;
}

std::int64_t answers_needed_for_a_loss() {
  std::int64_t needed = 1;
  while (stats::mcnemar_exact(needed, 0) >= kLossSignificance) ++needed;
  return needed;
}

void judge_loss(const AnswerPairs& pairs, const std::string& what, ResultBuilder& result) {
  result.metric("answers_lost", static_cast<double>(pairs.lost), "", pairs.pairs);
  result.metric("answers_gained", static_cast<double>(pairs.gained), "", pairs.pairs);
  result.metric("answers_mcnemar_p", pairs.p, "", pairs.pairs);
  result.metric("replies_same", static_cast<double>(pairs.same_text), "", pairs.pairs);
  if (pairs.lost > pairs.gained && pairs.p < kLossSignificance) {
    result.judge(Verdict::Fail,
                 fmt::format("{} {} of {} right answers are lost and {} gained (p = {:.4f})", what,
                             pairs.lost, pairs.right_in_reference, pairs.gained, pairs.p));
    return;
  }
  const std::int64_t needed = answers_needed_for_a_loss();
  const bool all_the_same = pairs.same_text == pairs.pairs && pairs.pairs >= needed;
  if (pairs.right_in_reference >= needed || all_the_same) return;
  std::string text =
      fmt::format("{} right answers of {} are too few to tell a loss {} (it takes {}), and {} replies differ",
                  pairs.right_in_reference, pairs.pairs, what, needed, pairs.pairs - pairs.same_text);
  if (pairs.right_in_reference > 0)
    text += fmt::format(
        "; with this model some {:.0f} questions would do (specialisation_questions)",
        std::ceil(static_cast<double>(needed * pairs.pairs) / static_cast<double>(pairs.right_in_reference)));
  result.judge(Verdict::Inconclusive, text);
}

Work work_of_questions(const WorkInput& input, std::span<const Question> questions) {
  Work work;
  const int bound = input.plan.tests.specialisation_tokens;
  for (const Question& question : questions) {
    const auto request = request_of(question, base::RequestId{0}, base::SessionId{0}, bound);
    work.prompt_tokens += std::max<std::int64_t>(0, input.facts.count_prompt_tokens(request));
  }
  work.requests = static_cast<std::int64_t>(questions.size());
  work.reply_tokens = work.requests * bound;
  return work;
}

}  // namespace moestress::protocol

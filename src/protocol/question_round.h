#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "protocol/work.h"
#include "workload/questions.h"

namespace moestress::protocol {

/// What became of one question.
struct Answer {
  workload::Subject subject = workload::Subject::General;
  bool complete = false;  ///< a whole reply came
  bool cut = false;       ///< … and ended at its bound, not by itself
  bool right = false;
  std::string text;
};

/// Asks the target, greedily, question i in session i mod `sessions`; answers are in the order of the
/// questions. `when` ("alone") is for the reason of the FAIL that a failed request is.
std::vector<Answer> ask_target(Rig& rig, const std::string& test_id,
                               std::span<const workload::Question> questions, std::size_t sessions,
                               const std::string& when, ResultBuilder& result);

/// The greedy replies of the model itself, by `moestress score`, cut where it would have ended. Errors: those
/// of run_scoring, and of a template that can't be used.
base::Result<std::vector<Answer>> answers_of_model(Rig& rig, std::span<const workload::Question> questions);

/// Right answers to one subject's questions.
struct Score {
  std::int64_t right = 0;
  std::int64_t asked = 0;  ///< with a whole reply

  double accuracy() const { return asked == 0 ? 0 : static_cast<double>(right) / static_cast<double>(asked); }
};
Score score_of(std::span<const Answer> answers, workload::Subject subject);
Score score_of(std::span<const Answer> answers);

/// Notes <prefix>accuracy_<subject> with Wilson's interval, for each subject that was asked.
void note_accuracy(std::span<const Answer> answers, const std::string& prefix, ResultBuilder& result);
/// Says so where most replies ended at their bound.
void note_cut_replies(std::span<const Answer> answers, int bound, ResultBuilder& result);

/// The same questions answered twice. Those without a whole reply on both sides are left out.
struct AnswerPairs {
  std::int64_t pairs = 0;
  std::int64_t same_text = 0;
  std::int64_t right_in_reference = 0;
  std::int64_t lost = 0;    ///< right in the reference only
  std::int64_t gained = 0;  ///< right in the other only
  double p = 1;             ///< McNemar's exact test
};
AnswerPairs pair_answers(std::span<const Answer> reference, std::span<const Answer> other);

inline constexpr double kLossSignificance = 0.05;
/// So many right answers must there be to lose, or losing all of them could be chance.
std::int64_t answers_needed_for_a_loss();

/// Notes answers_lost, answers_gained, answers_mcnemar_p and replies_same. FAIL where significantly more
/// answers were lost than gained; INCONCLUSIVE where a loss could not have been told: too few right answers
/// to lose, and replies that are not the same to the letter. `what` begins the reason: "under the mix".
void judge_loss(const AnswerPairs& pairs, const std::string& what, ResultBuilder& result);

/// What asking the questions once takes, with the start of the target that follows such a test.
Work work_of_questions(const WorkInput& input, std::span<const workload::Question> questions);

}  // namespace moestress::protocol

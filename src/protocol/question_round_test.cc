#include "protocol/question_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using record::Verdict;
using ::testing::HasSubstr;
using workload::Subject;

/// No two of them say the same.
std::vector<Answer> answers(const std::string& marks) {
  static int serial = 0;
  std::vector<Answer> all;
  for (const char mark : marks) {
    Answer answer;
    answer.subject = all.size() % 2 == 0 ? Subject::Science : Subject::Code;
    answer.complete = mark != '-';
    answer.right = mark == '+';
    answer.text = std::string(1, mark) + std::to_string(serial++);
    all.push_back(answer);
  }
  return all;
}

record::TestResult judged(const std::string& reference, const std::string& other) {
  ResultBuilder result;
  judge_loss(pair_answers(answers(reference), answers(other)), "through the server", result);
  result.judge(Verdict::Pass, "fine");
  return result.take();
}

TEST(QuestionRound, ScoresSubjectsApart) {
  const auto all = answers("+.+-+");
  EXPECT_EQ(score_of(all, Subject::Science).right, 3);
  EXPECT_EQ(score_of(all, Subject::Code).asked, 1);
  EXPECT_EQ(score_of(all).asked, 4);
  ResultBuilder result;
  note_accuracy(all, "mix_", result);
  const auto taken = result.take();
  EXPECT_EQ(taken.metrics.at("mix_accuracy_science").value, 1);
  EXPECT_EQ(taken.metrics.at("mix_accuracy_code").n, 1);
  EXPECT_TRUE(taken.metrics.at("mix_accuracy_science").ci);
  EXPECT_FALSE(taken.metrics.contains("mix_accuracy_general"));
}

TEST(QuestionRound, PairsLeaveOutWhatHasNoReply) {
  const auto pairs = pair_answers(answers("++.+-"), answers("+.+-+"));
  EXPECT_EQ(pairs.pairs, 3);
  EXPECT_EQ(pairs.right_in_reference, 2);
  EXPECT_EQ(pairs.lost, 1);
  EXPECT_EQ(pairs.gained, 1);
  EXPECT_EQ(pairs.p, 1);
}

TEST(QuestionRound, ALossFails) {
  const auto result = judged("++++++..", "........");
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("through the server 6 of 6 right answers are lost and 0 gained"));
}

TEST(QuestionRound, AFewFlipsEitherWayDoNot) {
  EXPECT_EQ(judged("++++++..", "+++++.+.").verdict, Verdict::Pass);
  EXPECT_EQ(judged("++++++......", "++++++++++++").verdict, Verdict::Pass) << "better than the reference";
}

TEST(QuestionRound, TooFewRightAnswersDecideNothing) {
  EXPECT_EQ(answers_needed_for_a_loss(), 6);
  const auto result = judged("+++.....", "........");
  EXPECT_EQ(result.verdict, Verdict::Inconclusive);
  EXPECT_THAT(result.reason, HasSubstr("3 right answers of 8 are too few to tell a loss"));
  EXPECT_THAT(result.reason, HasSubstr("some 16 questions"));
  EXPECT_EQ(judged("........", "........").verdict, Verdict::Inconclusive);
}

TEST(QuestionRound, RepliesThatAreTheSameHaveLostNothing) {
  auto alone = answers("+.......");
  for (auto& answer : alone) answer.text = "the same";
  ResultBuilder result;
  judge_loss(pair_answers(alone, alone), "under the mix", result);
  result.judge(Verdict::Pass, "fine");
  EXPECT_EQ(result.take().verdict, Verdict::Pass);
}

TEST(QuestionRound, RepliesThatAreCutAreSaid) {
  auto all = answers("....");
  for (auto& answer : all) answer.cut = true;
  ResultBuilder result;
  note_cut_replies(all, 8, result);
  EXPECT_EQ(result.take().findings.size(), 1u);
}

}  // namespace
}  // namespace moestress::protocol

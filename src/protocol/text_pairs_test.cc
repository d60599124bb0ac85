#include "protocol/text_pairs.h"

#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using record::Verdict;

TEST(TextPairs, EqualTextsAreAlikeInEveryMeasure) {
  ResultBuilder result;
  const Texts texts{"the cat sat on the mat today", "one two three four five"};
  note_texts(texts, texts, "ab", result);
  const auto taken = result.take();
  for (const char* name :
       {"ab_text_identical", "ab_text_rouge_l", "ab_text_chrf", "ab_text_bleu", "ab_text_edit_similarity"}) {
    ASSERT_TRUE(taken.metrics.contains(name)) << name;
    EXPECT_NEAR(taken.metrics.at(name).value, 1, 1e-9) << name;
    EXPECT_EQ(taken.metrics.at(name).n, 2);
  }
}

TEST(TextPairs, ALoopOnOneSideOnlyIsAFinding) {
  ResultBuilder result;
  std::string looping = "Once upon a time there was";
  for (int i = 0; i < 20; ++i) looping += " a cat and a dog";
  note_coherence({{"baseline", {"Once upon a time there was a king who had three clever daughters."}},
                  {"offloaded", {looping}}},
                 result);
  const auto taken = result.take();
  EXPECT_EQ(taken.metrics.at("long_texts_looping_baseline").value, 0);
  EXPECT_EQ(taken.metrics.at("long_texts_looping_offloaded").value, 1);
  EXPECT_GT(taken.metrics.at("long_text_rep4_offloaded").value,
            taken.metrics.at("long_text_rep4_baseline").value);
  ASSERT_EQ(taken.findings.size(), 1u);
  EXPECT_EQ(taken.findings[0].severity, "warning");
  ASSERT_EQ(taken.tables.size(), 1u);
  EXPECT_EQ(taken.tables[0].rows.size(), 2u);
}

TEST(TextPairs, LostFactsFailOnlyWhereChanceDoesNotExplainThem) {
  const auto all = workload::questions(workload::Subject::General);
  const std::vector<workload::Question> facts(all.begin(), all.begin() + 8);
  Texts right;
  for (const auto& fact : facts) right.push_back("It is " + fact.accepted[0]);
  Texts few = right, many = right;
  for (std::size_t i = 0; i < 3; ++i) few[i] = "no idea";
  for (std::size_t i = 0; i < 6; ++i) many[i] = "no idea\x1b";
  ResultBuilder sound, some, lost;
  note_facts(facts, {"baseline", right}, {"offloaded", right}, "ab", sound);
  note_facts(facts, {"baseline", right}, {"offloaded", few}, "ab", some);
  note_facts(facts, {"baseline", right}, {"offloaded", many}, "ab", lost);
  EXPECT_EQ(sound.take().metrics.at("fact_accuracy_offloaded").value, 1);
  const auto with_some = some.take(), with_lost = lost.take();
  EXPECT_NE(with_some.verdict, Verdict::Fail);
  EXPECT_EQ(with_some.metrics.at("ab_fact_flips").value, 3);
  EXPECT_EQ(with_lost.verdict, Verdict::Fail);
  ASSERT_EQ(with_lost.findings.size(), 1u);
  EXPECT_EQ(with_lost.findings[0].text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace moestress::protocol

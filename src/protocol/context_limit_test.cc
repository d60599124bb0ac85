#include "protocol/context_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using record::Ending;
using record::Verdict;
using ::testing::HasSubstr;

constexpr int kLimit = 4096;

record::Outcome ended(Ending ending, int status, const std::string& detail) {
  record::Outcome outcome;
  outcome.ending = ending;
  outcome.http_status = status;
  outcome.detail = detail;
  return outcome;
}

ContextLimit limit(bool told) { return {.tokens = kLimit, .told = told}; }

Verdict verdict_of(const record::Outcome& outcome, bool told = true) {
  return judge_overflow(outcome, limit(told), kLimit).verdict;
}

TEST(ContextLimit, IsReadFromWhatServersTell) {
  EXPECT_EQ(context_tokens_told(R"({"default_generation_settings":{"n_ctx":8192},"total_slots":4})"), 8192);
  EXPECT_EQ(context_tokens_told(R"({"object":"list","data":[{"id":"m","max_model_len":131072}]})"), 131072);
  EXPECT_FALSE(context_tokens_told(R"({"data":[]})"));
  EXPECT_FALSE(context_tokens_told(R"({"data":[{"max_model_len":"many"}]})"));
  EXPECT_FALSE(context_tokens_told(R"({"default_generation_settings":{"n_ctx":0}})"));
  EXPECT_FALSE(context_tokens_told("[1]"));
  EXPECT_FALSE(context_tokens_told("not JSON"));
}

TEST(ContextLimit, ATemplateIsAnOffsetAndNoClaimAMargin) {
  ContextLimit known = limit(true);
  learn_count(known, 16, 47);
  EXPECT_EQ(known.offset, 31);
  EXPECT_EQ(known.margin, 0);
  for (const std::optional<std::int64_t> claim :
       {std::optional<std::int64_t>{}, std::optional<std::int64_t>{0}, std::optional<std::int64_t>{9000}}) {
    ContextLimit unknown = limit(true);
    learn_count(unknown, 16, claim);
    EXPECT_EQ(unknown.offset, 0);
    EXPECT_EQ(unknown.margin, 16 + kLimit / 50);
  }
}

TEST(Overflow, ACleanRefusalPasses) {
  const auto clean = ended(Ending::Http4xx, 400, "This model's maximum context length is 4096 tokens");
  const auto judgement = judge_overflow(clean, limit(true), kLimit);
  EXPECT_EQ(judgement.verdict, Verdict::Pass);
  EXPECT_FALSE(judgement.vague);
  EXPECT_THAT(judgement.text, HasSubstr("HTTP 400"));
}

TEST(Overflow, ARefusalForAnotherReasonIsNoEvidence) {
  const auto vague = judge_overflow(ended(Ending::Http4xx, 422, "unprocessable"), limit(true), kLimit);
  EXPECT_EQ(vague.verdict, Verdict::Pass);
  EXPECT_TRUE(vague.vague);
  EXPECT_EQ(verdict_of(ended(Ending::Http4xx, 429, "busy")), Verdict::Inconclusive);
  EXPECT_EQ(verdict_of(ended(Ending::Http4xx, 400, "")), Verdict::Fail);
}

TEST(Overflow, AnythingElseFails) {
  EXPECT_EQ(verdict_of(ended(Ending::Http5xx, 500, "maximum context length")), Verdict::Fail);
  EXPECT_EQ(verdict_of(ended(Ending::Reset, 0, "connection reset")), Verdict::Fail);
  EXPECT_EQ(verdict_of(ended(Ending::FirstByteTimeout, 0, "120 s")), Verdict::Fail);
  EXPECT_EQ(verdict_of(ended(Ending::ServerError, 200, "context length exceeded")), Verdict::Fail);
}

TEST(Overflow, AnAnswerIsASilentCutUnlessTheContextIsLarger) {
  record::Outcome answered = ended(Ending::Complete, 200, "");
  EXPECT_EQ(verdict_of(answered, true), Verdict::Fail);
  EXPECT_EQ(verdict_of(answered, false), Verdict::Fail);
  answered.claims.prompt_tokens = kLimit / 2;
  EXPECT_EQ(verdict_of(answered, false), Verdict::Fail);
  answered.claims.prompt_tokens = kLimit;
  EXPECT_EQ(verdict_of(answered, false), Verdict::Inconclusive);
  EXPECT_EQ(verdict_of(answered, true), Verdict::Fail);
}

}  // namespace
}  // namespace moestress::protocol

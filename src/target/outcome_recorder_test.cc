#include "target/outcome_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace moestress::target {
namespace {

using namespace std::chrono_literals;
using base::TimePoint;
using record::Ending;
using record::Endpoint;
using record::Outcome;
using testing::HasSubstr;

constexpr TimePoint kEpoch{5s};
constexpr const char* kSse = "text/event-stream";

std::string delta(const std::string& text, const char* name = "content") {
  return std::string("data: {\"choices\":[{\"delta\":{\"") + name + "\":\"" + text + "\"}}]}\n\n";
}
const std::string kDone = "data: [DONE]\n\n";

class OutcomeRecorderTest : public testing::Test {
 protected:
  OutcomeRecorderTest() {
    request_.id = {3};
    request_.session = {4};
    request_.label = "code";
    request_.planned_start = 10ms;
    recorder_ = std::make_unique<OutcomeRecorder>(request_, Dialect::OpenAi, kEpoch);
  }

  record::Request request_;
  std::unique_ptr<OutcomeRecorder> recorder_;
};

TEST_F(OutcomeRecorderTest, TimesAreOffsetsFromTheEpoch) {
  recorder_->on_sent(kEpoch + 11ms);
  recorder_->on_first_byte(kEpoch + 20ms);
  recorder_->on_first_byte(kEpoch + 21ms);
  recorder_->on_head(200, kSse);
  EXPECT_TRUE(recorder_->on_bytes(": ping\n\n", kEpoch + 25ms));
  EXPECT_TRUE(recorder_->on_bytes(delta("a") + delta("b"), kEpoch + 30ms));
  EXPECT_TRUE(recorder_->on_bytes(delta("c"), kEpoch + 40ms));
  EXPECT_FALSE(recorder_->has_end_marker());
  EXPECT_TRUE(recorder_->on_bytes(kDone, kEpoch + 50ms));
  EXPECT_TRUE(recorder_->has_end_marker());
  const Outcome outcome = recorder_->finish(Ending::Complete, "", kEpoch + 51ms);

  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.request.value, 3);
  EXPECT_EQ(outcome.session.value, 4);
  EXPECT_EQ(outcome.label, "code");
  EXPECT_EQ(outcome.http_status, 200);
  EXPECT_EQ(outcome.planned, 10ms);
  EXPECT_EQ(outcome.sent, 11ms);
  EXPECT_EQ(outcome.first_byte, 20ms);
  EXPECT_EQ(outcome.first_text, 30ms) << "a ping is a byte, no text";
  EXPECT_EQ(outcome.last_text, 40ms);
  EXPECT_EQ(outcome.done, 51ms);
  ASSERT_EQ(outcome.chunks.size(), 2U) << "two events in one piece arrived as one";
  EXPECT_EQ(outcome.chunks[0].text, "ab");
  EXPECT_EQ(outcome.chunks[1].at, 40ms);
  EXPECT_EQ(outcome.text, "abc");
  EXPECT_EQ(outcome.completion_tokens, -1) << "chunks are not tokens";
}

TEST_F(OutcomeRecorderTest, ReasoningIsTheFrontOfTheText) {
  recorder_->on_head(200, kSse);
  recorder_->on_bytes(delta("hm", "reasoning_content"), kEpoch + 1ms);
  recorder_->on_bytes(delta("m", "reasoning_content"), kEpoch + 2ms);
  recorder_->on_bytes(delta("yes") + kDone, kEpoch + 3ms);
  const Outcome outcome = recorder_->finish(Ending::Complete, "", kEpoch + 4ms);
  EXPECT_EQ(outcome.text, "hmmyes");
  EXPECT_EQ(outcome.text.substr(outcome.reasoning_bytes), "yes");
}

TEST_F(OutcomeRecorderTest, AWholeBodysTextCameWithItsEnd) {
  request_.stream = false;
  OutcomeRecorder recorder(request_, Dialect::OpenAi, kEpoch);
  recorder.on_head(200, "application/json");
  recorder.on_bytes(R"({"choices":[{"message":{"content":"all"}}]})", kEpoch + 7ms);
  const Outcome outcome = recorder.finish(Ending::Complete, "", kEpoch + 8ms);
  EXPECT_TRUE(outcome.ok()) << outcome.detail;
  EXPECT_EQ(outcome.text, "all");
  EXPECT_EQ(outcome.first_text, 8ms);
}

TEST_F(OutcomeRecorderTest, ErrorStatusesCarryTheServersWords) {
  recorder_->on_head(400, "application/json");
  recorder_->on_bytes(R"({"error":{"message":"too long",)", kEpoch + 1ms);
  recorder_->on_bytes(R"("type":"exceed_context_size_error"}})", kEpoch + 2ms);
  const Outcome outcome = recorder_->finish(Ending::Complete, "", kEpoch + 3ms);
  EXPECT_EQ(outcome.ending, Ending::Http4xx);
  EXPECT_EQ(outcome.detail, "exceed_context_size_error: too long");
  EXPECT_TRUE(is_context_overflow(outcome));
  EXPECT_EQ(outcome.text, "");
}

TEST_F(OutcomeRecorderTest, TheStatusSaysMoreThanACutBody) {
  recorder_->on_head(502, "");
  const Outcome outcome = recorder_->finish(Ending::TruncatedStream, "cut", kEpoch + 3ms);
  EXPECT_EQ(outcome.ending, Ending::Http5xx);
  EXPECT_EQ(outcome.detail, "HTTP status 502 without a word");
}

TEST_F(OutcomeRecorderTest, AnErrorBodyIsBounded) {
  recorder_->on_head(500, "text/plain");
  for (int i = 0; i < 1000; ++i) recorder_->on_bytes(std::string(1000, 'x'), kEpoch);
  const Outcome outcome = recorder_->finish(Ending::Complete, "", kEpoch);
  EXPECT_LT(outcome.detail.size(), 1000U);
}

TEST_F(OutcomeRecorderTest, RedirectsAreNotFollowed) {
  recorder_->on_head(302, "");
  const Outcome outcome = recorder_->finish(Ending::Complete, "", kEpoch);
  EXPECT_EQ(outcome.ending, Ending::MalformedResponse);
  EXPECT_THAT(outcome.detail, HasSubstr("302"));
}

TEST_F(OutcomeRecorderTest, TransportFailuresComeThrough) {
  for (const Ending ending :
       {Ending::Refused, Ending::Reset, Ending::ConnectTimeout, Ending::FirstByteTimeout}) {
    OutcomeRecorder recorder(request_, Dialect::OpenAi, kEpoch);
    const Outcome outcome = recorder.finish(ending, "the system's words", kEpoch + 1ms);
    EXPECT_EQ(outcome.ending, ending);
    EXPECT_EQ(outcome.detail, "the system's words");
    EXPECT_EQ(outcome.sent, base::Duration(-1));
    EXPECT_EQ(outcome.first_text, base::Duration(-1));
  }
}

TEST_F(OutcomeRecorderTest, KeepsTheTextOfAStreamThatFell) {
  recorder_->on_head(200, kSse);
  recorder_->on_bytes(delta("half"), kEpoch + 1ms);
  const Outcome outcome = recorder_->finish(Ending::IdleTimeout, "silent", kEpoch + 60s);
  EXPECT_EQ(outcome.ending, Ending::IdleTimeout);
  EXPECT_EQ(outcome.text, "half");
}

TEST_F(OutcomeRecorderTest, TheDecodersFaultSaysMoreThanOurHangingUp) {
  recorder_->on_head(200, kSse);
  EXPECT_FALSE(recorder_->on_bytes("data: {\"error\":\"boom\"}\n\n", kEpoch + 1ms));
  const Outcome outcome = recorder_->finish(Ending::Cancelled, "the observer hung up", kEpoch + 2ms);
  EXPECT_EQ(outcome.ending, Ending::ServerError);
  EXPECT_EQ(outcome.detail, "boom");
}

TEST_F(OutcomeRecorderTest, WhatWeCancelledIsCancelled) {
  recorder_->on_head(200, kSse);
  recorder_->on_bytes(delta("half"), kEpoch + 1ms);
  const Outcome outcome = recorder_->finish(Ending::Cancelled, "", kEpoch + 2ms);
  EXPECT_EQ(outcome.ending, Ending::Cancelled);
  EXPECT_EQ(outcome.text, "half");
}

TEST_F(OutcomeRecorderTest, AWholeReplyOutlivesItsConnection) {
  for (const Ending ending : {Ending::Reset, Ending::TruncatedStream}) {
    OutcomeRecorder recorder(request_, Dialect::OpenAi, kEpoch);
    recorder.on_head(200, kSse);
    recorder.on_bytes(delta("a") + kDone, kEpoch + 1ms);
    const Outcome outcome = recorder.finish(ending, "the connection ended inside a chunk", kEpoch + 2ms);
    EXPECT_EQ(outcome.ending, Ending::Complete);
    EXPECT_THAT(outcome.detail, HasSubstr("whole, but then"));
  }
  OutcomeRecorder silent(request_, Dialect::OpenAi, kEpoch);
  silent.on_head(200, kSse);
  silent.on_bytes(delta("a") + kDone, kEpoch + 1ms);
  EXPECT_EQ(silent.finish(Ending::IdleTimeout, "", kEpoch + 2ms).ending, Ending::IdleTimeout)
      << "a server that never ends its response keeps its user waiting";
}

TEST_F(OutcomeRecorderTest, CutBeforeItsEndMarkerIsTruncated) {
  recorder_->on_head(200, kSse);
  recorder_->on_bytes(delta("a"), kEpoch + 1ms);
  EXPECT_EQ(recorder_->finish(Ending::TruncatedStream, "", kEpoch + 2ms).ending, Ending::TruncatedStream);
}

}  // namespace
}  // namespace moestress::target

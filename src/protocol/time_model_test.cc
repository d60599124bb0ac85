#include "protocol/time_model.h"

#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

Speeds speeds() {
  Speeds speeds;
  speeds.prefill_tok_s = 100;
  speeds.decode_tok_s = 10;
  speeds.parallel_gain = 3;
  speeds.slots = 5;
  speeds.start_seconds = 4;
  speeds.request_seconds = 0.5;
  return speeds;
}

Work tokens(std::int64_t prompt, std::int64_t reply) {
  Work work;
  work.prompt_tokens = prompt;
  work.reply_tokens = reply;
  return work;
}

TEST(SecondsOf, AddsUpWhatAWorkAsksFor) {
  EXPECT_DOUBLE_EQ(seconds_of(tokens(200, 30), speeds()), 2 + 3);
  Work work = tokens(0, 0);
  work.requests = 4;
  work.starts = 2;
  work.scored_tokens = 50;
  work.seconds = 7;
  EXPECT_DOUBLE_EQ(seconds_of(work, speeds()), 2 + 8 + 0.5 + 7);
}

TEST(SecondsOf, RequestsSideBySideShareTheTarget) {
  Work work = tokens(0, 300);
  work.parallel = 5;
  EXPECT_DOUBLE_EQ(seconds_of(work, speeds()), 10);
  work.parallel = 3;
  EXPECT_DOUBLE_EQ(seconds_of(work, speeds()), 15) << "half of the way from 1 to all slots gains half";
  work.parallel = 64;
  EXPECT_DOUBLE_EQ(seconds_of(work, speeds()), 10) << "more than there are slots wait";
  Speeds one_slot = speeds();
  one_slot.slots = 1;
  EXPECT_DOUBLE_EQ(seconds_of(work, one_slot), 30);
}

TEST(SecondsOf, PacedRequestsTakeTheirPaceOrTheTargetsTime) {
  Work work;
  work.paced_seconds = 20;
  work.paced_reply_tokens = 300;
  EXPECT_DOUBLE_EQ(seconds_of(work, speeds()), 20);
  work.paced_reply_tokens = 900;
  EXPECT_DOUBLE_EQ(seconds_of(work, speeds()), 30);
}

TEST(TimeModel, KnowsNothingBeforeItIsCalibratedOrATestHasAskedSomething) {
  TimeModel model;
  Work start;
  start.starts = 1;
  model.add("m", "1.1", start, 1);
  model.add("m", "1.2", tokens(0, 200), 1);
  model.add("m", "2.1", tokens(0, 400), 1);
  EXPECT_FALSE(model.seconds_left());
  model.finished("m", "1.1", 3);
  EXPECT_FALSE(model.seconds_left()) << "a test without a token tells no speed";
  model.finished("m", "1.2", 5);
  EXPECT_NEAR(*model.seconds_left(), 10, 1e-9) << "twice the tokens of the one that took 5 s";
}

TEST(TimeModel, StartsFromTheCalibrationAndLearnsFromWhatTestsTook) {
  TimeModel model;
  model.add("m", "1.2", tokens(0, 1000), 1);
  Work idle = tokens(0, 1000);
  idle.seconds = 60;
  model.add("m", "5.1", idle, 1);
  model.calibrated("m", speeds());
  EXPECT_DOUBLE_EQ(*model.seconds_left(), 100 + 160);
  model.finished("m", "1.2", 210);
  // (10 + 210) / (10 + 100) = 2, of what is not fixed
  EXPECT_DOUBLE_EQ(*model.seconds_left(), 60 + 200);
  model.finished("m", "5.1", 1);
  EXPECT_FALSE(model.seconds_left()) << "nothing is left to be estimated";
}

TEST(TimeModel, AnotherModelIsSlowerByTheBytesItReads) {
  TimeModel model;
  model.add("small", "1.2", tokens(0, 100), 1e9);
  model.add("large", "1.2", tokens(0, 100), 3e9);
  model.calibrated("small", speeds());
  const auto estimates = model.remaining();
  ASSERT_EQ(estimates.size(), 2U);
  EXPECT_DOUBLE_EQ(estimates[0].seconds, 10);
  EXPECT_DOUBLE_EQ(estimates[1].seconds, 30);
  EXPECT_EQ(estimates[1].model, "large");
}

}  // namespace
}  // namespace moestress::protocol

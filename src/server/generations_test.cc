#include "server/generations.h"

#include <gtest/gtest.h>

#include <limits>

namespace moestress::server {
namespace {

TEST(CompletionLimit, IsWhatWasAskedOrWhatIsLeft) {
  EXPECT_EQ(completion_limit(10, 90, 100), 10);
  EXPECT_EQ(completion_limit(std::nullopt, 90, 100), 10);
  EXPECT_EQ(completion_limit(std::nullopt, 99, 100), 1);
}

TEST(CompletionLimit, NamesBothNumbersWhereTheContextIsPassed) {
  const auto refused = completion_limit(11, 90, 100);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 400);
  EXPECT_EQ(refused.error().code, "context_length_exceeded");
  EXPECT_NE(refused.error().message.find("100 tokens"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("101 tokens"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(completion_limit(std::nullopt, 100, 100).has_value());
  EXPECT_FALSE(completion_limit(std::numeric_limits<int>::max(), 1'000'000, 100).has_value());
}

TEST(EngineEvents, WakeOnceForABatch) {
  int wakes = 0;
  EngineEvents events([&] { ++wakes; });
  events.put({1, engine::GeneratedToken{}});
  events.put({2, engine::GeneratedToken{}});
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(events.take().size(), 2U);
  events.put({1, engine::GenerationEnd{}});
  EXPECT_EQ(wakes, 2);
  EXPECT_EQ(events.take().size(), 1U);
  EXPECT_TRUE(events.take().empty());
}

}  // namespace
}  // namespace moestress::server

#include "workload/marathon_thread.h"

#include <gtest/gtest.h>

#include <set>

namespace moestress::workload {
namespace {

record::Outcome reply_to(const record::Request& request, const std::string& text, std::int64_t tokens) {
  record::Outcome outcome;
  outcome.request = request.id;
  outcome.text = text;
  outcome.prompt_tokens = 0;
  for (const auto& message : request.messages)
    outcome.prompt_tokens += static_cast<std::int64_t>(message.content.size() / 4) + 8;
  outcome.completion_tokens = tokens;
  return outcome;
}

class MarathonThreads : public testing::Test {
 protected:
  MarathonThreads() {
    shape_.request.max_tokens = 50;
    shape_.request.sampling.temperature = 0.8;
    shape_.context_tokens = 1000;
    shape_.seed = 5;
    shape_.count_tokens = [](std::string_view text) { return static_cast<std::int64_t>(text.size() / 4); };
  }

  MarathonShape shape_;
  RequestIds ids_;
  const std::string text_ = std::string(200, 'x');
};

TEST_F(MarathonThreads, MixesKindsAndKeepsWhatWasSaidWithinTheContext) {
  MarathonThread thread(shape_, 0);
  std::set<std::string> labels;
  std::optional<record::Outcome> last;
  std::size_t longest = 0;
  for (int turn = 0; turn < 200; ++turn) {
    const auto request = thread.next(ids_, {1}, last ? &*last : nullptr);
    labels.insert(request.label);
    ASSERT_EQ(request.messages.size() % 2, 1u);
    EXPECT_EQ(request.messages.back().role, "user");
    longest = std::max(longest, request.messages.size());
    last = reply_to(request, text_, 50);
    ASSERT_LE(last->prompt_tokens + 50, shape_.context_tokens);
  }
  EXPECT_EQ(labels,
            (std::set<std::string>{"code", "creative", "documentation", "literature", "math", "science"}));
  EXPECT_GT(longest, 5u) << "nothing was kept";
  EXPECT_EQ(thread.position().turns, 199);
  EXPECT_GT(thread.position().conversations, 10);
}

TEST_F(MarathonThreads, GoesOnWithTheSameTurnsFromAPosition) {
  MarathonThread thread(shape_, 2);
  std::optional<record::Outcome> last;
  std::vector<record::Request> all;
  for (int turn = 0; turn < 40; ++turn) {
    all.push_back(thread.next(ids_, {1}, last ? &*last : nullptr));
    last = reply_to(all.back(), text_, 50);
  }
  MarathonThread resumed(shape_, 2, {25, 9});
  const auto request = resumed.next(ids_, {1}, nullptr);
  EXPECT_EQ(request.messages.size(), 1u);
  EXPECT_EQ(request.messages.back().content, all[25].messages.back().content);
  EXPECT_EQ(request.sampling.seed, all[25].sampling.seed);
  EXPECT_EQ(resumed.position(), (record::ThreadPosition{25, 10}));
  EXPECT_NE(all[25].sampling.seed, all[26].sampling.seed);
}

TEST_F(MarathonThreads, AFailedReplyEndsItsConversation) {
  MarathonThread thread(shape_, 0);
  const auto first = thread.next(ids_, {1}, nullptr);
  auto failed = reply_to(first, "", 0);
  failed.ending = record::Ending::Http5xx;
  const auto second = thread.next(ids_, {1}, &failed);
  EXPECT_NE(second.messages.back().content, first.messages.back().content);
  EXPECT_EQ(second.messages.size(), 1u);
  EXPECT_EQ(thread.position(), (record::ThreadPosition{1, 2}));
  failed.ending = record::Ending::Cancelled;
  EXPECT_EQ(thread.next(ids_, {1}, &failed).messages.back().content, second.messages.back().content);
}

TEST_F(MarathonThreads, ReasoningIsNotSaidAgain) {
  MarathonThread thread(shape_, 0);
  auto reply = reply_to(thread.next(ids_, {1}, nullptr), "thinking…answer", 6);
  reply.reasoning_bytes = std::string("thinking…").size();
  const auto second = thread.next(ids_, {1}, &reply);
  ASSERT_EQ(second.messages.size(), 3u);
  EXPECT_EQ(second.messages[1].content, "answer");
}

TEST_F(MarathonThreads, PromptsThatDoNotFitAreLeftOut) {
  shape_.context_tokens = 84;
  EXPECT_FALSE(MarathonThread(shape_, 0).has_prompts());
  shape_.context_tokens = 110;
  MarathonThread thread(shape_, 0);
  ASSERT_TRUE(thread.has_prompts());
  EXPECT_LE(thread.next(ids_, {1}, nullptr).messages.back().content.size(), 4u * 28 + 3);
}

}  // namespace
}  // namespace moestress::workload

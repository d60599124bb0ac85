#include "protocol/conversation_grades.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using ::testing::HasSubstr;

/// Three conversations of two turns, the second off the topic; each tells a name and a made-up word.
workload::ConversationSet three() {
  workload::ConversationSet set;
  for (const auto& [name, word] :
       {std::pair{"Marta", "tozuvika"}, std::pair{"Branko", "gapidufo"}, std::pair{"Gudrun", "bozimaku"}}) {
    workload::Conversation conversation;
    conversation.values = {{name, false}, {word, true}};
    conversation.turns = {{"What is it?", false, std::nullopt}, {"And the weather?", true, std::nullopt}};
    set.conversations.push_back(conversation);
  }
  set.decoys = {"Zoltan", "Rowena", "Fergus"};
  return set;
}

ConversationLoad replies(const std::vector<std::pair<std::string, std::string>>& texts) {
  ConversationLoad load;
  for (const auto& [on_topic, off_topic] : texts) {
    load.conversations.emplace_back();
    for (const auto& text : {on_topic, off_topic})
      load.conversations.back().push_back({{}, record::Outcome{}, text});
  }
  return load;
}

TEST(FindCrossTalk, NoneWhereEachNamesItsOwn) {
  const auto load = replies({{"Marta, tozuvika", "Rain."}, {"Branko", "Sun."}, {"bozimaku", "Snow."}});
  const auto found = find_cross_talk(three(), load, 3, false);
  EXPECT_EQ(found.made_up + found.guessable + found.decoys, 0);
}

TEST(FindCrossTalk, SeesAMadeUpWordWhereverItIs) {
  const auto load = replies({{"It is Marta.", "Tozuvika!"}, {"Branko", "It is tozuvika."}, {"", ""}});
  const auto found = find_cross_talk(three(), load, 3, true);
  EXPECT_EQ(found.made_up, 1);
  EXPECT_THAT(found.example, HasSubstr("conversation 2 names \"tozuvika\", which only conversation 1 told"));
}

TEST(FindCrossTalk, CountsAGuessableValueOnTheTopicAndOncePerConversation) {
  const auto load =
      replies({{"Marta.", "Branko has an umbrella."}, {"Gudrun. Gudrun.", ""}, {"Branko.", ""}});
  const auto found = find_cross_talk(three(), load, 3, false);
  EXPECT_EQ(found.guessable, 2);
  EXPECT_EQ(found.chance_p, 0);  // nothing is named by chance
}

TEST(FindCrossTalk, HoldsGuessesAgainstDecoys) {
  const auto load = replies({{"Branko or Zoltan.", ""}, {"Rowena, Marta.", ""}, {"Fergus, Zoltan.", ""}});
  const auto found = find_cross_talk(three(), load, 3, false);
  EXPECT_EQ(found.guessable, 2);
  EXPECT_EQ(found.decoys, 4);
  // Of six named two were told elsewhere, by chance 6 of 15: P[Bin(6, 0.4) ≥ 2].
  EXPECT_NEAR(found.chance_p, 0.76672, 1e-5);
}

TEST(FindCrossTalk, LooksAtThoseThatHaveBegun) {
  const auto load = replies({{"bozimaku", ""}, {"", ""}, {"tozuvika", ""}});
  // Two at a time: the third begins when the first is over, and can leave nothing behind in it.
  EXPECT_EQ(find_cross_talk(three(), load, 2, false).made_up, 1);
  EXPECT_EQ(find_cross_talk(three(), load, 3, false).made_up, 2);
}

}  // namespace
}  // namespace moestress::protocol

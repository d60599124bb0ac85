#include "workload/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "workload/conversation_material.h"
#include "workload/plain_words.h"

namespace moestress::workload {
namespace {

using ::testing::HasSubstr;

std::map<QuestionKind, int> kinds_of(const Conversation& conversation) {
  std::map<QuestionKind, int> kinds;
  for (const auto& turn : conversation.turns)
    if (turn.question) ++kinds[turn.question->kind];
  return kinds;
}

/// All that the user has said before turn `end`.
std::string said_before(const Conversation& conversation, std::size_t end) {
  std::string text;
  for (std::size_t i = 0; i < end; ++i) text += conversation.turns[i].text + "\n";
  return text;
}

std::string last_named(const std::string& text, const Conversation& conversation,
                       const std::vector<std::string>& among) {
  std::size_t at = 0;
  std::string last;
  for (const auto& value : conversation.values)
    if (std::find(among.begin(), among.end(), value.text) != among.end()) {
      const auto found = text.rfind(value.text);
      if (found != std::string::npos && found >= at) {
        at = found;
        last = value.text;
      }
    }
  return last;
}

TEST(ConversationMaterial, HoldsEnoughAndNoSentenceHoldsAValue) {
  const auto& material = conversation_material();
  std::set<std::string> values;
  std::size_t count = 0;
  for (const auto& [list, words] : material.values) {
    for (const auto& word : words) values.insert(plain_words(word));
    count += words.size();
    EXPECT_GE(words.size(), 24u) << list;
  }
  EXPECT_EQ(values.size(), count) << "a value is there twice";
  EXPECT_GE(material.facts.size(), 12u);
  EXPECT_GE(material.topics.size(), 12u);
  std::vector<std::string> sentences = material.topics;
  for (const auto& fact : material.facts)
    sentences.insert(sentences.end(), {fact.tell, fact.change, fact.ask, fact.follow});
  for (const auto& [purpose, phrases] : material.phrases)
    sentences.insert(sentences.end(), phrases.begin(), phrases.end());
  for (const auto& sentence : sentences)
    for (const auto& value : values) EXPECT_FALSE(names_value(sentence, value)) << sentence << ": " << value;
}

TEST(ConversationMaterial, RefusesWhatIsWrongAndSaysWhere) {
  const auto error = [](const std::string& facts, const std::string& values = "== name\nMarta\n") {
    const auto parsed = parse_conversation_material(values, facts, "== t\nHello.\n",
                                                    "== instruction\na\n== greeting\na\n== return\na\n"
                                                    "== abstention\na\n");
    return parsed ? std::string() : parsed.error().message;
  };
  EXPECT_EQ(error("== a\nvalues: name\ntell: It is {}.\nask: What is it?\n"), "");
  EXPECT_THAT(error("== a\nvalues: name\ntell: It is {}.\n"), HasSubstr("conversation-facts: a: `ask`"));
  EXPECT_THAT(error("== a\nvalues: name\ntell: It is.\nask: What?\n"), HasSubstr("1 times"));
  EXPECT_THAT(error("== a\nvalues: name\ntell: {}.\nask: What?\nfollow: And?\n"), HasSubstr("2 times"));
  EXPECT_THAT(error("== a\nvalues: nome\ntell: {}.\nask: What?\n"), HasSubstr("no list"));
  EXPECT_THAT(error("== a\nvalue: name\n"), HasSubstr("lines begin with"));
  EXPECT_THAT(error("", "== name\nAnna Maria\n"), HasSubstr("no single word"));
}

TEST(Conversations, HaveAsManyTurnsAsAskedFor) {
  for (int turns = kConversationTurnsMin; turns <= 60; ++turns)
    for (const auto& conversation : make_conversations(2, turns, 7).conversations)
      EXPECT_EQ(conversation.turns.size(), static_cast<std::size_t>(turns));
}

TEST(Conversations, OfTenTurnsHaveEveryKindOfTurn) {
  for (const auto& conversation : make_conversations(20, 10, 3).conversations) {
    const auto kinds = kinds_of(conversation);
    EXPECT_EQ(kinds.size(), 4u);
    const auto& turns = conversation.turns;
    EXPECT_TRUE(std::any_of(turns.begin(), turns.end(), [](const auto& turn) { return turn.off_topic; }));
    // The same question is asked early and last.
    ASSERT_TRUE(turns.back().question);
    const int before = turns.back().question->asked_before;
    ASSERT_GE(before, 0);
    EXPECT_LE(before, 4);
    EXPECT_EQ(turns[static_cast<std::size_t>(before)].question->accepted, turns.back().question->accepted);
  }
}

TEST(Conversations, AnswersFollowFromWhatWasSaid) {
  for (const auto& conversation : make_conversations(12, 24, 5).conversations) {
    for (std::size_t i = 0; i < conversation.turns.size(); ++i) {
      const auto& question = conversation.turns[i].question;
      if (!question) continue;
      const std::string before = said_before(conversation, i);
      std::string alone;
      for (const auto& message : question->control)
        if (message.role == "user") alone += message.content + "\n";
      const std::string& text = conversation.turns[i].text;
      const auto opener = text.rfind(". ");
      EXPECT_THAT(alone, HasSubstr(opener == std::string::npos ? text : text.substr(opener + 2)));
      if (question->kind == QuestionKind::Untold) {
        EXPECT_EQ(question->accepted, "");
        continue;
      }
      EXPECT_THAT(before, HasSubstr(question->accepted));
      EXPECT_THAT(alone, HasSubstr(question->accepted));
      if (question->kind != QuestionKind::Updated) continue;
      EXPECT_THAT(alone, HasSubstr(question->stale));
      EXPECT_EQ(last_named(before, conversation, {question->accepted, question->stale}), question->accepted);
    }
  }
}

TEST(Conversations, TellNoValueTwice) {
  const auto set = make_conversations(120, 20, 9);
  std::set<std::string> seen(set.decoys.begin(), set.decoys.end());
  EXPECT_EQ(seen.size(), set.decoys.size());
  EXPECT_GE(seen.size(), 40u);
  for (const auto& conversation : set.conversations) {
    EXPECT_TRUE(std::any_of(conversation.values.begin(), conversation.values.end(),
                            [](const PlantedValue& value) { return value.unguessable; }));
    for (const auto& value : conversation.values) EXPECT_TRUE(seen.insert(value.text).second) << value.text;
  }
}

TEST(Conversations, AreTheSameForTheSameSeedAndMoreChangeNoneBefore) {
  const auto texts = [](const ConversationSet& set, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
      for (const auto& turn : set.conversations[i].turns) text += turn.text + "\n";
    return text;
  };
  const auto some = make_conversations(3, 12, 1);
  EXPECT_EQ(texts(some, 3), texts(make_conversations(30, 12, 1), 3));
  EXPECT_NE(texts(some, 3), texts(make_conversations(3, 12, 2), 3));
}

}  // namespace
}  // namespace moestress::workload

#include "protocol/conversation_grades.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "stats/distribution.h"

namespace moestress::protocol {
namespace {

using workload::Conversation;

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

bool is_complete(const Exchange& exchange) { return exchange.outcome && exchange.outcome->ok(); }

std::string text_of(const std::vector<record::Message>& messages) {
  std::string text;
  for (const auto& message : messages) text += message.role + ": " + message.content + "\n";
  return text;
}

/// The turns' replies, as what they are searched for values.
struct Replies {
  std::string on_topic, off_topic;  ///< joined, a line each
};

Replies replies_of(const Conversation& conversation, const std::vector<Exchange>& exchanges) {
  Replies replies;
  for (std::size_t turn = 0; turn < exchanges.size(); ++turn) {
    if (!exchanges[turn].outcome) continue;  // a broken-off reply can be mixed up as well
    (conversation.turns[turn].off_topic ? replies.off_topic : replies.on_topic) +=
        exchanges[turn].answer + " |\n";
  }
  return replies;
}

}  // namespace

Controls::Controls(const Rig& rig, const std::vector<Conversation>& conversations) {
  for (const Conversation& conversation : conversations) {
    auto& places = places_.emplace_back(conversation.turns.size(), kNowhere);
    std::vector<std::pair<std::string, std::size_t>> known;
    for (std::size_t turn = 0; turn < conversation.turns.size(); ++turn) {
      const auto& question = conversation.turns[turn].question;
      if (!question) continue;
      const std::string text = text_of(question->control);
      const auto same =
          std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == text; });
      if (same != known.end()) {
        places[turn] = same->second;
        continue;
      }
      places[turn] = messages_.size();
      known.emplace_back(text, messages_.size());
      messages_.push_back(instructed(rig, conversation.instruction, question->control));
    }
  }
}

std::vector<Graded> grade(const std::vector<Conversation>& conversations, const ConversationLoad& load,
                          const Controls& controls, const QuestionLoad& alone) {
  std::vector<Graded> grades;
  for (std::size_t i = 0; i < load.conversations.size(); ++i) {
    const auto told = conversations[i].value_texts();
    for (std::size_t turn = 0; turn < load.conversations[i].size(); ++turn) {
      const auto& question = conversations[i].turns[turn].question;
      const Exchange& exchange = load.conversations[i][turn];
      if (!question || !is_complete(exchange)) continue;
      Graded graded;
      graded.conversation = i;
      graded.turn = turn;
      graded.question = &*question;
      graded.exchange = &exchange;
      const workload::AnswerKey key{question->accepted, question->stale, told};
      graded.answer = workload::check_answer(exchange.answer, key);
      const std::size_t place = controls.place(i, turn);
      if (place < alone.exchanges.size() && is_complete(alone.exchanges[place])) {
        graded.alone = &alone.exchanges[place];
        graded.answer_alone = workload::check_answer(graded.alone->answer, key);
      }
      grades.push_back(graded);
    }
  }
  return grades;
}

CrossTalk find_cross_talk(const workload::ConversationSet& set, const ConversationLoad& load,
                          std::size_t at_once, bool made_up_only) {
  CrossTalk found;
  double strangers = 0;  // guessable values told elsewhere, summed over conversations
  for (std::size_t i = 0; i < load.conversations.size(); ++i) {
    const Replies replies = replies_of(set.conversations[i], load.conversations[i]);
    const std::string all = replies.on_topic + replies.off_topic;
    const std::size_t begun = std::min(load.conversations.size(), (i / at_once + 1) * at_once);
    for (std::size_t other = 0; other < begun; ++other) {
      if (other == i) continue;
      for (const workload::PlantedValue& value : set.conversations[other].values) {
        if (!value.unguessable && made_up_only) continue;
        strangers += value.unguessable ? 0 : 1;
        if (!workload::names_value(value.unguessable ? all : replies.on_topic, value.text)) continue;
        ++(value.unguessable ? found.made_up : found.guessable);
        if (found.example.empty())
          found.example = fmt::format("conversation {} names \"{}\", which only conversation {} told", i + 1,
                                      value.text, other + 1);
      }
    }
    if (made_up_only) continue;
    for (const std::string& decoy : set.decoys)
      found.decoys += workload::names_value(replies.on_topic, decoy) ? 1 : 0;
  }
  const auto decoys = static_cast<double>(set.decoys.size() * load.conversations.size());
  if (found.guessable > 0 && found.decoys > 0 && strangers > 0)
    found.chance_p = 1 - stats::binomial_cdf(found.guessable - 1, found.guessable + found.decoys,
                                             strangers / (strangers + decoys));
  else if (found.guessable > 0)
    found.chance_p = 0;
  return found;
}

}  // namespace moestress::protocol

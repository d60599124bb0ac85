#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "protocol/conversations.h"
#include "workload/conversation.h"

namespace moestress::protocol {

/// A question of a conversation, with the replies in it and alone.
struct Graded {
  std::size_t conversation = 0;
  std::size_t turn = 0;
  const workload::RecallQuestion* question = nullptr;
  const Exchange* exchange = nullptr;
  const Exchange* alone = nullptr;  ///< null: it was not asked alone, or that failed
  workload::Answer answer = workload::Answer::Missing;
  workload::Answer answer_alone = workload::Answer::Missing;

  bool right() const { return answer == workload::Answer::Right; }
  bool right_alone() const { return alone != nullptr && answer_alone == workload::Answer::Right; }
};

/// The questions asked alone, each once however often a conversation asks it.
class Controls {
 public:
  /// All questions of the conversations; `instructed` puts the instruction before the messages.
  Controls(const Rig& rig, const std::vector<workload::Conversation>& conversations);
  std::vector<std::vector<record::Message>> take_messages() { return std::move(messages_); }
  /// The place among the messages of the question of a turn.
  std::size_t place(std::size_t conversation, std::size_t turn) const { return places_[conversation][turn]; }

 private:
  std::vector<std::vector<record::Message>> messages_;
  std::vector<std::vector<std::size_t>> places_;
};

/// Every question whose exchange is complete. `alone` may be empty: then none was asked alone.
std::vector<Graded> grade(const std::vector<workload::Conversation>& conversations,
                          const ConversationLoad& load, const Controls& controls, const QuestionLoad& alone);

/// Values that conversations named though only others had told them.
struct CrossTalk {
  std::int64_t made_up = 0;    ///< which no model hits on
  std::int64_t guessable = 0;  ///< of the lists
  std::int64_t decoys = 0;     ///< of the same lists, told in no conversation: named by chance
  double chance_p = 1;         ///< that so many of those named were told elsewhere, if named by chance
  std::string example;         ///< the first, in words
};

/// Looks for values told in conversations that began at the same time or before (`at_once` at a time), each
/// counted once for each conversation that names it. Off-topic replies may name what they like; only made-up
/// words count there, and with `made_up_only` everywhere.
CrossTalk find_cross_talk(const workload::ConversationSet& set, const ConversationLoad& load,
                          std::size_t at_once, bool made_up_only);

}  // namespace moestress::protocol

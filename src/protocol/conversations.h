#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/rig.h"
#include "workload/conversation.h"

namespace moestress::protocol {

/// Conversations that fit the target's context.
struct FittedConversations {
  workload::ConversationSet set;
  int turns = 0;                   ///< of each: fewer than asked for where those don't fit
  std::int64_t prompt_tokens = 0;  ///< of the longest's last prompt, replies at their bound
  std::int64_t context_tokens = 0;
  std::string shortened;  ///< what was left out and why; empty: nothing
};

/// As many turns as fit, by the model's own tokenizer. None where not even kConversationTurnsMin do:
/// `prompt_tokens` then says what they would need, and `set` is empty.
FittedConversations fit_conversations(Rig& rig, std::size_t count, int turns, int reply_tokens,
                                      std::uint64_t seed);

/// One exchange as it went.
struct Exchange {
  std::vector<record::Message> messages;  ///< all that was sent, real replies among them
  std::optional<record::Outcome> outcome;
  std::string answer;  ///< the reply without what was marked as reasoning
};

struct ConversationLoad {
  std::vector<std::vector<Exchange>> conversations;  ///< each in order of its turns
  std::string lag_reason;                            ///< empty: the client kept up
};

/// Holds the conversations, as many at once as the target has slots. Each reply goes into the history of the
/// next turn, whatever it says; with random weights cut to as many bytes as the reply's bound has tokens,
/// since their text may make more tokens than it was made of.
ConversationLoad hold_conversations(Rig& rig, const std::string& test_id,
                                    const std::vector<workload::Conversation>& conversations,
                                    int reply_tokens);

/// Each list of messages as a request of its own, cold, as many at once as the target has slots. In order.
struct QuestionLoad {
  std::vector<Exchange> exchanges;
  std::string lag_reason;
};
QuestionLoad ask_alone(Rig& rig, const std::string& test_id,
                       std::vector<std::vector<record::Message>> questions, int reply_tokens);

/// The messages with the instruction before them: as the system's, or, where the model's template has no
/// place for one, in front of the first user's.
std::vector<record::Message> instructed(const Rig& rig, const std::string& instruction,
                                        std::vector<record::Message> messages);

}  // namespace moestress::protocol

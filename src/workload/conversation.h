#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "record/request.h"
#include "workload/answer_check.h"

namespace moestress::workload {

enum class QuestionKind {
  Recall,    ///< of what was told once
  Updated,   ///< of what was told anew
  FollowUp,  ///< in words that need the turn before: "And the second one?"
  Untold,    ///< of what was never told
};

struct RecallQuestion {
  QuestionKind kind = QuestionKind::Recall;
  std::string accepted;  ///< empty: Untold
  std::string stale;     ///< Updated: the value before
  /// The same question asked on its own: after the telling turns and nothing else, in one message; a FollowUp
  /// also after the question that it needs, and its right answer.
  std::vector<record::Message> control;
  int asked_before = -1;  ///< the turn, from 0, that asked the same; -1: none
};

/// What a user says, and what is known of the reply to it.
struct ConversationTurn {
  std::string text;
  bool off_topic = false;  ///< its reply may be about anything
  std::optional<RecallQuestion> question;
};

struct PlantedValue {
  std::string text;
  bool unguessable = false;  ///< made up: no model names it that has not been told
};

struct Conversation {
  std::string instruction;  ///< for the system's message
  std::vector<ConversationTurn> turns;
  std::vector<PlantedValue> values;  ///< all that it tells, old ones of updated facts among them

  std::vector<std::string> value_texts() const;
};

struct ConversationSet {
  std::vector<Conversation> conversations;
  /// Values of the same lists that no conversation tells: how often they are named is chance.
  std::vector<std::string> decoys;
};

inline constexpr int kConversationTurnsMin = 5;

/// `count` conversations of `turns` exchanges (at least kConversationTurnsMin). Each tells a made-up word,
/// asks for it early and late, tells another fact and later tells it anew, tells two things at once and asks
/// for the second in words that need the turn before, asks for what was never told, and changes the topic and
/// comes back; from ten turns on it has all of these, and more turns bring more facts, questions and topics.
/// No two conversations tell the same value, but all tell a made-up word for the same thing, so that an
/// answer from another one's history shows. The same seed gives the same, byte for byte, and asking for more
/// changes none before.
ConversationSet make_conversations(std::size_t count, int turns, std::uint64_t seed);

}  // namespace moestress::workload

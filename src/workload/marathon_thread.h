#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/checkpoint.h"
#include "record/outcome.h"
#include "record/request.h"
#include "workload/requests.h"

namespace moestress::workload {

/// What all threads of a marathon have in common.
struct MarathonShape {
  RequestShape request;    ///< of every turn; the seed of its sampling is drawn for each
  int context_tokens = 0;  ///< what a prompt and its reply must fit into
  std::uint64_t seed = 0;
  /// Tokens of a text by the model's tokenizer.
  std::function<std::int64_t(std::string_view)> count_tokens;
};

/// One conversation after another, as the users of an assistant lead them: creative, technical and analytical
/// prompts in turn, each sent with what was said before; where the next prompt and its reply would not fit
/// into the context any more, and after a failed reply, a conversation is begun anew. What a user says at
/// turn n depends on the seed, the thread and n alone, so that a thread can go on from a position. It holds
/// one conversation, which the context bounds. One owner, one thread.
class MarathonThread {
 public:
  /// `shape` outlives it. `position`: where to go on, with a conversation begun anew.
  MarathonThread(const MarathonShape& shape, int index, record::ThreadPosition position = {});

  /// Whether any prompt fits into the context with its reply.
  bool has_prompts() const;
  /// The next turn, after how the one before it ended; nullptr for the first.
  record::Request next(RequestIds& ids, base::SessionId session, const record::Outcome* previous);
  const record::ThreadPosition& position() const { return position_; }

 private:
  struct Card {
    const Prompt* prompt;
    std::int64_t tokens;
  };
  const Card& card_of(std::int64_t turn) const;
  /// Puts the reply into the history, or drops the conversation where it failed or can't be counted.
  void take(const record::Outcome& previous);

  const MarathonShape& shape_;
  int index_;
  record::ThreadPosition position_;
  std::vector<std::vector<Card>> kinds_;  ///< creative, technical, analytical: the prompts that fit
  std::vector<record::Message> history_;
  std::int64_t history_tokens_ = 0;  ///< as the model's template renders it, the last reply with it
};

}  // namespace moestress::workload

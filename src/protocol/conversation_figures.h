#pragma once

#include <vector>

#include "protocol/conversation_grades.h"
#include "protocol/result_builder.h"

namespace moestress::protocol {

/// Questions that are judged together.
struct QuestionGroup {
  const char* name;    ///< of metrics
  const char* people;  ///< of findings
  std::vector<workload::QuestionKind> kinds;
};

/// All that was told, then each kind of question. Live as long as the program.
const std::vector<QuestionGroup>& question_groups();

/// Those of a group's kinds.
std::vector<Graded> of_group(const std::vector<Graded>& grades, const QuestionGroup& group);

/// Shares of right answers by group, in conversation and alone; of stale ones; how alike early and late
/// answers are.
void note_quality(const std::vector<Graded>& grades, ResultBuilder& result);

/// Times, speed and tokens by turn, as a table; the share of prompt tokens that the server claims to have
/// kept.
void note_turns(const ConversationLoad& load, int turns, ResultBuilder& result);

/// Time to first token against prompt tokens: with a prefix cache only new tokens cost.
void note_prefix_reuse(const ConversationLoad& load, const QuestionLoad& alone, ResultBuilder& result);

}  // namespace moestress::protocol

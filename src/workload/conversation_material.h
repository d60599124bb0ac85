#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::workload {

/// Something that a user can tell of themselves; {} in a sentence stands for the value.
struct ToldFact {
  std::string id;
  std::string values;  ///< the list its values are drawn from, or kCodeValues
  std::string tell;
  std::string change;  ///< tells it anew; empty: it never changes
  std::string ask;
  std::string follow;  ///< asks for the second of two values, in words that need the turn before; or empty
};

/// Values that are made up in place of drawn from a list.
inline constexpr std::string_view kCodeValues = "code";

/// What conversations are made of: the files prompts/conversation-*.txt (format: README.md).
struct ConversationMaterial {
  std::map<std::string, std::vector<std::string>, std::less<>> values;   ///< by list
  std::vector<ToldFact> facts;                                           ///< in the order of the file
  std::vector<std::string> topics;                                       ///< turns about something else
  std::map<std::string, std::vector<std::string>, std::less<>> phrases;  ///< by purpose

  std::span<const std::string> phrase(std::string_view purpose) const;
};

/// Errors: Format (a fact without a sentence that it needs, an unknown list or key, a value that is no single
/// word), each with the file and the fact.
base::Result<ConversationMaterial> parse_conversation_material(std::string_view values,
                                                               std::string_view facts,
                                                               std::string_view topics,
                                                               std::string_view phrases);

/// The built-in material. Lives as long as the program.
const ConversationMaterial& conversation_material();

}  // namespace moestress::workload

#include "workload/conversation_material.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "workload/embedded_prompts.h"
#include "workload/prompts.h"

namespace moestress::workload {
namespace {

using base::ErrorCode;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!line.empty()) lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// A file of sections, each a list of lines.
base::Result<std::map<std::string, std::vector<std::string>, std::less<>>> parse_lists(
    std::string_view text, const std::string& source) {
  MOESTRESS_TRY(const auto sections, parse_prompts(text, Domain::Conversation, source));
  std::map<std::string, std::vector<std::string>, std::less<>> lists;
  for (const Prompt& section : sections) lists[section.id] = lines_of(section.text);
  return lists;
}

std::string* field_of(ToldFact& fact, std::string_view key) {
  if (key == "values") return &fact.values;
  if (key == "tell") return &fact.tell;
  if (key == "change") return &fact.change;
  if (key == "ask") return &fact.ask;
  if (key == "follow") return &fact.follow;
  return nullptr;
}

std::size_t holes(std::string_view text) {
  std::size_t count = 0;
  for (auto at = text.find("{}"); at != std::string_view::npos; at = text.find("{}", at + 2)) ++count;
  return count;
}

base::Result<ToldFact> parse_fact(const Prompt& section, const ConversationMaterial& material) {
  ToldFact fact;
  fact.id = section.id;
  const auto wrong = [&](const std::string& what) {
    return base::fail(ErrorCode::Format, "conversation-facts: {}: {}", section.id, what);
  };
  for (const std::string& line : lines_of(section.text)) {
    const auto colon = line.find(": ");
    std::string* field = colon == std::string::npos ? nullptr : field_of(fact, line.substr(0, colon));
    if (field == nullptr)
      return wrong("\"" + base::printable(line, 80) +
                   "\": lines begin with values, tell, change, ask or follow, a colon and a space");
    *field = line.substr(colon + 2);
  }
  if (fact.ask.empty()) return wrong("`ask` is missing");
  const std::size_t values = fact.follow.empty() ? 1 : 2;
  if (holes(fact.tell) != values) return wrong(fmt::format("`tell` must hold {{}} {} times", values));
  if (!fact.change.empty() && (holes(fact.change) != 1 || values != 1))
    return wrong("`change` must hold {} once, and only a fact of one value can change");
  if (fact.values != kCodeValues && material.values.find(fact.values) == material.values.end())
    return wrong("`values` names no list of conversation-values");
  return fact;
}

}  // namespace

std::span<const std::string> ConversationMaterial::phrase(std::string_view purpose) const {
  const auto found = phrases.find(purpose);
  return found == phrases.end() ? std::span<const std::string>() : found->second;
}

base::Result<ConversationMaterial> parse_conversation_material(std::string_view values,
                                                               std::string_view facts,
                                                               std::string_view topics,
                                                               std::string_view phrases) {
  ConversationMaterial material;
  MOESTRESS_TRY(material.values, parse_lists(values, "conversation-values"));
  for (const auto& [list, words] : material.values)
    for (const std::string& word : words)
      if (word.find(' ') != std::string::npos)
        return base::fail(ErrorCode::Format, "conversation-values: {}: \"{}\" is no single word", list,
                          base::printable(word, 80));
  MOESTRESS_TRY(const auto sections, parse_prompts(facts, Domain::Conversation, "conversation-facts"));
  for (const Prompt& section : sections) {
    MOESTRESS_TRY(ToldFact fact, parse_fact(section, material));
    material.facts.push_back(std::move(fact));
  }
  MOESTRESS_TRY(const auto turns, parse_prompts(topics, Domain::Conversation, "conversation-topics"));
  for (const Prompt& turn : turns) material.topics.push_back(turn.text);
  MOESTRESS_TRY(material.phrases, parse_lists(phrases, "conversation-phrases"));
  for (const char* purpose : {"instruction", "greeting", "return", "abstention"})
    if (material.phrase(purpose).empty())
      return base::fail(ErrorCode::Format, "conversation-phrases: {} is missing", purpose);
  return material;
}

const ConversationMaterial& conversation_material() {
  static const ConversationMaterial kMaterial = [] {
    auto parsed = parse_conversation_material(
        embedded_prompts("conversation-values"), embedded_prompts("conversation-facts"),
        embedded_prompts("conversation-topics"), embedded_prompts("conversation-phrases"));
    CHECK(parsed);  // the files are part of the program, and a test reads them
    return std::move(*parsed);
  }();
  return kMaterial;
}

}  // namespace moestress::workload

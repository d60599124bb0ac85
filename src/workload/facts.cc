#include "workload/facts.h"

#include <algorithm>

#include "base/check.h"
#include "workload/answers.h"
#include "workload/embedded_prompts.h"

namespace moestress::workload {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// The text up to the next `end`, which is taken away with it.
std::string_view take(std::string_view& text, char end) {
  const auto at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

}  // namespace

std::span<const Fact> facts() {
  static const std::vector<Fact> kFacts = [] {
    auto parsed = parse_facts(embedded_prompts("facts"), "prompts/facts.txt");
    CHECK(parsed && !parsed->empty());  // the file is part of the program, and a test reads it
    return std::move(*parsed);
  }();
  return kFacts;
}

bool states(const Fact& fact, std::string_view reply) {
  return std::any_of(fact.answers.begin(), fact.answers.end(),
                     [&](const std::string& answer) { return names(reply, answer); });
}

base::Result<std::vector<Fact>> parse_facts(std::string_view text, const std::string& source) {
  std::vector<Fact> facts;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = trimmed(take(text, '\n'));
    if (line.empty() || line.front() == '#') continue;
    Fact fact;
    fact.id = fmt::format("fact-{:02}", facts.size() + 1);
    fact.question = trimmed(take(line, '|'));
    while (!line.empty()) fact.answers.emplace_back(trimmed(take(line, '|')));
    const bool empty = std::any_of(fact.answers.begin(), fact.answers.end(),
                                   [](const std::string& answer) { return answer.empty(); });
    if (fact.question.empty() || fact.answers.empty() || empty)
      return base::fail(base::ErrorCode::Format, "{}:{}: expected \"question | answer | other answer\"",
                        source, number);
    facts.push_back(std::move(fact));
  }
  return facts;
}

}  // namespace moestress::workload

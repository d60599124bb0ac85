#include "workload/prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "workload/embedded_prompts.h"
#include "workload/entries.h"

namespace moestress::workload {
namespace {

using base::ErrorCode;

std::array<std::vector<Prompt>, kDomains.size()> built_in_prompts() {
  std::array<std::vector<Prompt>, kDomains.size()> sets;
  for (const Domain domain : kDomains) {
    const std::string source = fmt::format("prompts/{}.txt", to_string(domain));
    auto parsed = parse_prompts(embedded_prompts(to_string(domain)), domain, source);
    CHECK(parsed && !parsed->empty());  // the files are part of the program, and a test reads them
    sets[static_cast<std::size_t>(domain)] = std::move(*parsed);
  }
  return sets;
}

}  // namespace

const char* to_string(Domain domain) {
  switch (domain) {
    case Domain::Code:
      return "code";
    case Domain::Creative:
      return "creative";
    case Domain::Math:
      return "math";
    case Domain::Translation:
      return "translation";
    case Domain::Documentation:
      return "documentation";
    case Domain::Conversation:
      return "conversation";
    case Domain::Science:
      return "science";
    case Domain::Literature:
      return "literature";
  }
  return "unknown";
}

std::optional<Domain> domain_from(std::string_view name) {
  for (const Domain domain : kDomains)
    if (name == to_string(domain)) return domain;
  return std::nullopt;
}

const PromptLibrary& built_in_library() {
  static const PromptLibrary kLibrary;
  return kLibrary;
}

std::span<const Prompt> prompts(Domain domain) { return built_in_library().of(domain); }

PromptLibrary::PromptLibrary() : sets_(built_in_prompts()) {}

std::vector<Prompt> PromptLibrary::shortest(std::size_t count) const {
  auto sets = sets_;
  for (auto& set : sets)
    std::stable_sort(set.begin(), set.end(),
                     [](const Prompt& a, const Prompt& b) { return a.text.size() < b.text.size(); });
  std::vector<Prompt> shortest;
  for (std::size_t rank = 0; shortest.size() < count; ++rank) {
    const std::size_t before = shortest.size();
    for (const auto& set : sets)
      if (rank < set.size() && shortest.size() < count) shortest.push_back(set[rank]);
    if (shortest.size() == before) break;  // all of them are in it
  }
  return shortest;
}

base::Status PromptLibrary::replace(Domain domain, std::string_view text, const std::string& source,
                                    int characters_max) {
  MOESTRESS_TRY(auto set, parse_prompts(text, domain, source));
  const auto fits = [characters_max](const Prompt& prompt) {
    return characters_max == 0 || prompt.text.size() <= static_cast<std::size_t>(characters_max);
  };
  const auto fitting = static_cast<std::size_t>(std::count_if(set.begin(), set.end(), fits));
  if (fitting < kSetPromptsMin)
    return base::fail(
        ErrorCode::Usage, "{}: a set needs at least {} prompts{}, this one has {}", source, kSetPromptsMin,
        characters_max == 0 ? ""
                            : fmt::format(" of at most {} bytes (prompt_characters_max)", characters_max),
        fitting);
  for (const Domain other : kDomains)
    for (const Prompt& theirs : of(other))
      for (const Prompt& ours : set)
        if (other != domain && ours.id == theirs.id)
          return base::fail(ErrorCode::Usage, "{}: the id \"{}\" is taken by the {} prompts", source, ours.id,
                            to_string(other));
  sets_[static_cast<std::size_t>(domain)] = std::move(set);
  return {};
}

base::Result<std::vector<Prompt>> parse_prompts(std::string_view text, Domain domain,
                                                const std::string& source) {
  MOESTRESS_TRY(auto entries, split_entries(text, source));
  std::vector<Prompt> set;
  for (auto& entry : entries) set.push_back({std::move(entry.id), domain, std::move(entry.text)});
  return set;
}

}  // namespace moestress::workload

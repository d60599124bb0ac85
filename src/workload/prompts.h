#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::workload {

enum class Domain : std::uint8_t {
  Code,
  Creative,
  Math,
  Translation,
  Documentation,
  Conversation,
  Science,
  Literature,
};

inline constexpr std::array kDomains{Domain::Code,        Domain::Creative,      Domain::Math,
                                     Domain::Translation, Domain::Documentation, Domain::Conversation,
                                     Domain::Science,     Domain::Literature};

const char* to_string(Domain domain);  ///< "code", "creative", …
std::optional<Domain> domain_from(std::string_view name);

struct Prompt {
  std::string id;  ///< "code-01", unique over all sets
  Domain domain = Domain::Code;
  std::string text;
};

/// A set of fewer prompts is too small to compare halves of it.
inline constexpr std::size_t kSetPromptsMin = 4;

/// The prompts that a run draws from, by domain: the built-in sets, or a user's own in place of some. A plain
/// value; the run owns one.
class PromptLibrary {
 public:
  /// The built-in sets.
  PromptLibrary();

  /// In the order of the file. A built-in set has at least 24 prompts, short and long ones in turn, so that
  /// the first few are a mix as well. Valid until the set is replaced.
  std::span<const Prompt> of(Domain domain) const { return sets_[static_cast<std::size_t>(domain)]; }

  /// Up to `count` prompts, the shortest of every domain in turn, then the next longer ones.
  std::vector<Prompt> shortest(std::size_t count) const;

  /// Puts the prompts of a file in place of a domain's. Errors: those of parse_prompts; Usage (fewer than
  /// kSetPromptsMin of at most `characters_max` bytes, 0: of any length; an id that another set has).
  base::Status replace(Domain domain, std::string_view text, const std::string& source, int characters_max);

 private:
  std::array<std::vector<Prompt>, kDomains.size()> sets_;
};

/// The library as the program comes with it, and one of its sets. Live as long as the program.
const PromptLibrary& built_in_library();
std::span<const Prompt> prompts(Domain domain);

/// Reads a prompt file (format: README.md). Errors: Format (text before the first prompt, a prompt without a
/// text, a repeated id, not UTF-8), Limit (over 1 MiB, or a prompt over 32 KiB); each with `source` and the
/// line.
base::Result<std::vector<Prompt>> parse_prompts(std::string_view text, Domain domain,
                                                const std::string& source);

}  // namespace moestress::workload

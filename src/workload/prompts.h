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

/// The built-in set of a domain, in the order of its file: at least 24 prompts, short and long ones in turn,
/// so that the first few are a mix as well. Lives as long as the program.
std::span<const Prompt> prompts(Domain domain);

/// Up to `count` prompts, the shortest of every domain in turn, then the next longer ones.
std::vector<Prompt> shortest_prompts(std::size_t count);

/// Reads a prompt file (format: README.md). Errors: Format (text before the first prompt, a prompt without a
/// text, a repeated id, not UTF-8), Limit (over 1 MiB, or a prompt over 32 KiB); each with `source` and the
/// line.
base::Result<std::vector<Prompt>> parse_prompts(std::string_view text, Domain domain,
                                                const std::string& source);

}  // namespace moestress::workload

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::workload {

/// A question whose answer is known and short.
struct Fact {
  std::string id;  ///< "fact-01"
  std::string question;
  std::vector<std::string> answers;  ///< any of them is right
};

/// The built-in ones, in the order of prompts/facts.txt. Lives as long as the program.
std::span<const Fact> facts();

/// Whether the reply names one of the fact's answers, in letters of any case and as a whole word.
bool states(const Fact& fact, std::string_view reply);

/// Reads lines "question | answer | answer"; those that begin with # are comments. Errors: Format (a line
/// without an answer, or one with an empty part), with `source` and the line.
base::Result<std::vector<Fact>> parse_facts(std::string_view text, const std::string& source);

}  // namespace moestress::workload

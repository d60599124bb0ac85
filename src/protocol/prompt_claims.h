#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moestress::protocol {

/// A prompt's tokens as the server claims them and as we count them; neither is negative.
struct PromptCount {
  std::int64_t claimed = 0;
  std::int64_t counted = 0;
};

/// How a server's claims go with our count where nothing can be missing.
struct ClaimScale {
  bool exact = false;  ///< claimed = counted + offset, but for kExactTokens
  double offset = 0;
  double ratio = 1;  ///< claimed over counted, median
};

/// Of prompts that nothing can be missing from. Needs at least one.
ClaimScale claim_scale(std::span<const PromptCount> whole);

/// The turns of one conversation, from 0, whose prompt lacks part of the conversation by the server's own
/// claim. Where claims are exact: a prompt under its count by more than rounding. Otherwise, since each
/// prompt holds the one before it: one that grew by less than half of what it should have (another tokenizer
/// or template moves an increment by less).
std::vector<std::size_t> turns_missing(std::span<const PromptCount> turns, const ClaimScale& scale);

inline constexpr double kExactTokens = 2;

}  // namespace moestress::protocol

#pragma once

#include <optional>

#include "record/outcome.h"

namespace moestress::load {

/// Decode speed at the two ends of one reply.
struct ReplySpeed {
  double first_tok_s = 0;  ///< of the first third of its tokens
  double last_tok_s = 0;   ///< of the last third

  /// How much faster the last third is than the first; negative: slower.
  double change_percent() const { return 100 * (last_tok_s / first_tok_s - 1); }
};

/// A reply's counted tokens are laid to its chunks by their bytes; those of its first chunk were prefill's.
/// Absent where a third has fewer than kChunksInThird chunks: the server sends in pieces too large to tell.
std::optional<ReplySpeed> reply_speed(const record::Outcome& outcome);

inline constexpr std::size_t kChunksInThird = 8;

}  // namespace moestress::load

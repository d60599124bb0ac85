#pragma once

#include <vector>

#include "protocol/model_facts.h"
#include "quality/degeneration.h"
#include "record/outcome.h"

namespace moestress::protocol {

inline constexpr std::size_t kTextWindowTokens = 256;
/// A loop takes at least this part of a window: a row of a table or a refrain repeats itself as well.
inline constexpr double kLoopShareMin = 0.25;

/// A stretch of one reply, kTextWindowTokens of its tokens.
struct TextWindow {
  base::Duration at{0};  ///< when its last byte came, an offset from the epoch
  quality::Degeneration figures;
};

/// The windows of a reply, one after the other; what is left over at its end is in none.
std::vector<TextWindow> text_windows(const ModelFacts& facts, const record::Outcome& outcome);

/// The period in tokens of the loop that one of the windows or the reply's own end is; 0: none is.
int loop_in_reply(const ModelFacts& facts, const record::Outcome& outcome,
                  const std::vector<TextWindow>& windows);

}  // namespace moestress::protocol

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "quality/consistency.h"

namespace moestress::quality {

enum class Parting {
  Same,       ///< the tokens are the same
  NearTie,    ///< they part where rounding can make them part
  CrossTalk,  ///< they part where the text alone leaves no doubt: something else reached the session
};

const char* to_string(Parting parting);

struct SessionComparison {
  Parting parting = Parting::Same;
  std::int64_t position = -1;  ///< first reply token that differs; -1: none
  double margin_nats =
      0;  ///< there, the logit of the text alone's best token minus that of the token beside others
};

/// The logits [vocabulary] that predict reply token `position`, of the prompt followed by the text alone's
/// reply up to there: teacher forcing.
using LogitsAt = std::function<base::Result<std::vector<float>>(std::size_t position)>;

/// Whether a session's greedy reply beside others differs from its reply alone. After the first difference
/// the two are different texts, so only that position is judged, by the model itself: NearTie where the token
/// that came beside others is within `near_tie_nats` of the best, else CrossTalk. Where one reply merely ends
/// earlier, there is no token to ask for: give both the end-of-generation token where they ended by
/// themselves, and the same limit; what still differs in length only is judged by the margin between the two
/// best. Errors: those of `logits_at`, and Format (a token outside the vocabulary, logits that are not
/// finite).
base::Result<SessionComparison> compare_session(std::span<const std::int32_t> alone,
                                                std::span<const std::int32_t> beside,
                                                const LogitsAt& logits_at,
                                                double near_tie_nats = kNearTieNats);

}  // namespace moestress::quality

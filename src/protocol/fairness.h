#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "record/outcome.h"

namespace moestress::protocol {

/// A session's reply, and the reply to the same request when it was alone.
struct Beside {
  const record::Outcome* alone = nullptr;
  const record::Outcome* beside = nullptr;
};

struct Starvation {
  bool judged = false;  ///< at least two sessions had both replies
  bool starved = false;
  double worst_ratio = 0;  ///< of decode slowdowns: a session's by the median of the others'
  std::string what;        ///< in words, of the worst; empty where nobody was starved
};

/// Whether one of the sessions that were served at once was starved. Slowdown = decode speed alone / beside,
/// so that long and short replies compare. Starved is a session whose slowdown is over kStarvedRatio times
/// the median of the others', by more time than reading the others' prompts takes, which may well come
/// between its tokens; or whose first text came later than kLastServedFactor times what serving all the
/// others first, one after another, would have taken, which not even a server with one slot makes it wait
/// for. What costs a reader less than kNoticedMs is no starvation: of a fast server it is the scheduler's
/// noise.
Starvation find_starvation(const std::vector<Beside>& sessions);

inline constexpr double kStarvedRatio = 3;
inline constexpr double kLastServedFactor = 1.5;
inline constexpr double kNoticedMs = 100;

}  // namespace moestress::protocol

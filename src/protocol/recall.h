#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "record/result.h"
#include "stats/interval.h"

namespace moestress::protocol {

/// One needle, asked for twice: with the fact in a long text, and right after the fact.
struct RecallTrial {
  double length = 0;     ///< tokens of the text
  double depth = 0;      ///< 0 front … 1 end
  bool control = false;  ///< answered right after the fact
  bool recalled = false;
};

/// Recall of a long text against the control. The needles are the samples.
struct Recall {
  std::int64_t asked = 0;
  std::int64_t controls = 0;  ///< answered right after the fact: only they say anything of the server
  std::int64_t recalled = 0;  ///< of those
  stats::Interval share;      ///< Wilson's, of recalled in controls
  record::Verdict verdict = record::Verdict::Inconclusive;
  bool worse = false;  ///< significantly below the control, though not by half
  std::string text;    ///< one clause with the numbers, whichever way it went
  std::string hint;    ///< where it is not decided: what would decide it
};

/// FAIL where recall is lost: of a region of the grid (all of it, the front half, the back half, lengths over
/// half of the longest) less than half of what is answered right after the fact, by McNemar's exact test on
/// the pairs at 5 %, adjusted over the regions (Holm). INCONCLUSIVE where even a loss of all could not be
/// told.
Recall judge_recall(std::span<const RecallTrial> trials);

}  // namespace moestress::protocol

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "record/outcome.h"
#include "record/routing.h"
#include "stats/trend.h"

namespace moestress::experts {

/// One decode step whose time is known and whose token is: the gap between two chunks of one token each.
struct TimedStep {
  base::Duration at{0};   ///< when the step's token came
  double ms = 0;          ///< since the token before
  std::size_t token = 0;  ///< position in the text of the token that the step read; its routing is the step's
};

/// A reply's steps, by the tokens of a replay of the same text.
struct AlignedReply {
  std::vector<TimedStep> steps;
  std::int64_t dropped = 0;  ///< gaps between chunks that are no single token of the replay
};

/// Lays chunks over tokens by their bytes. `pieces` are the bytes of the tokens of prompt and reply, the
/// reply last; where they don't end with the reply's text, or a chunk's ends are not those of one token, or
/// its predecessor's are not, the gap is dropped: a token's time must not be given to another's routing.
AlignedReply align_steps(const record::Outcome& reply, std::span<const std::string> pieces);

/// Step time against the experts that changed since the token before (experts_changed), of several replies,
/// both as differences from their reply's median: replies come at different times, and a machine is not
/// equally quick at all of them. Robust to outliers; steps of a reply follow each other, so the interval is
/// somewhat too narrow.
stats::Trend switch_cost_ms(std::span<const AlignedReply> replies,
                            std::span<const record::RoutingTrace> traces);

/// One step of a server that decodes several sequences at once.
struct BatchStep {
  int batch = 0;     ///< sequences in it
  int distinct = 0;  ///< experts needed over all layers (distinct_experts)
  double ms = 0;     ///< median of the members' times
};

/// Steps of replies that were decoded side by side: tokens that came within a third of the median step of
/// each other are one batch. traces[i] is of replies[i].
std::vector<BatchStep> batch_steps(std::span<const AlignedReply> replies,
                                   std::span<const record::RoutingTrace> traces);

}  // namespace moestress::experts

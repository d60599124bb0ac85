#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "record/outcome.h"
#include "record/request.h"

namespace moestress::protocol {

/// Greedy replies whose steps were timed and not traced.
struct SwitchingReplies {
  std::vector<record::Request> requests;  ///< one of `alone` each
  std::vector<bool> varied;               ///< of each request: words that all differ, or a repeated one
  std::vector<record::Outcome> alone;     ///< one at a time
  std::vector<record::Outcome> beside;    ///< the same requests in parallel sessions; may be empty
  std::vector<std::size_t> request_of;    ///< beside[i] asks what requests[request_of[i]] does
  std::string lag_reason;                 ///< empty where our own client kept up
};

/// Asks prompts of little and of much switching, alone and side by side, of the running target.
SwitchingReplies time_switching(Rig& rig);

/// Stops the target, has `moestress score` route the same texts, and sets step time against the experts that
/// changed, replies to a repeated word against those to varied words, steps of a batch against its distinct
/// experts.
/// Gives the LRU hit rate of a cache of half of each layer's experts; absent where nothing could be traced.
std::optional<double> trace_switching(Rig& rig, const SwitchingReplies& replies, ResultBuilder& result);

}  // namespace moestress::protocol

#pragma once

#include <span>

#include "base/result.h"
#include "protocol/conversations.h"
#include "quality/consistency.h"

namespace moestress::protocol {

/// How many replies the model itself gives, greedily, to exactly the messages that were sent.
struct HistoryCheck {
  std::int64_t checked = 0;
  std::int64_t explained = 0;  ///< no token lies more than the tolerance below the most likely one

  double share() const { return static_cast<double>(explained) / static_cast<double>(checked); }
};

/// Teacher-forces each greedy reply on all of its messages, in a process of its own: one that the model gives
/// to them was made with the whole history; one that it doesn't give was made with something else, or by
/// another model than the file's. At most kCheckedMax replies, those with the shortest prompts, and none
/// whose logits take more than 1 GiB.
base::Result<HistoryCheck> check_history(Rig& rig, const std::string& name,
                                         std::vector<const Exchange*> exchanges,
                                         double tolerance_nats = quality::kNearTieNats);

inline constexpr std::size_t kCheckedMax = 8;

}  // namespace moestress::protocol

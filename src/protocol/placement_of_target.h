#pragma once

#include <optional>

#include "protocol/placement_evidence.h"
#include "protocol/rig.h"

namespace moestress::protocol {

/// The best evidence there is of where the running target's routed experts live: the engine's books where it
/// is embedded, else its load log; absent where there is neither. `reason` then says why.
struct TargetPlacement {
  std::optional<PlacementEvidence> evidence;
  std::string reason;
};
TargetPlacement placement_of_target(Rig& rig);

}  // namespace moestress::protocol

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "protocol/bottleneck.h"
#include "protocol/result_builder.h"
#include "protocol/rig.h"
#include "record/outcome.h"

namespace moestress::protocol {

/// CPU seconds of this program and of the whole machine, to be held against a later reading.
struct CpuReading {
  base::Duration at{0};
  double own_s = 0;
  std::optional<std::int64_t> busy_ns;
};

/// What processor and device did between two instants; begins when it is made.
class UtilisationWatch {
 public:
  explicit UtilisationWatch(Rig& rig);

  /// The target's cores between first and last text of `outcomes`, which had it to themselves; ours and
  /// everyone else's over the whole time; the devices' utilisation. As metrics and as evidence.
  void conclude(const std::vector<record::Outcome>& outcomes, BottleneckEvidence& evidence,
                ResultBuilder& result) const;

 private:
  Rig& rig_;
  const CpuReading before_;
};

}  // namespace moestress::protocol

#pragma once

#include "base/result.h"
#include "protocol/rig.h"
#include "protocol/time_model.h"

namespace moestress::protocol {

/// The test id that calibration's requests are recorded under.
inline constexpr const char* kCalibrationId = "calibration";

/// Measures the running target's speeds with a few requests of known tokens: one that warms up, a long
/// prompt, a reply, and one in each slot. Takes seconds; on a slow target at most a minute and a half.
/// Errors: Timeout (no answer in that time), Protocol (a request failed).
base::Result<Speeds> calibrate(Rig& rig);

}  // namespace moestress::protocol

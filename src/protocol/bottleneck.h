#pragma once

#include <limits>
#include <string>

namespace moestress::protocol {

/// What was seen while one session decoded. NaN where it could not be.
struct BottleneckEvidence {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  double roofline_share = kUnknown;  ///< of the speed that host memory bandwidth allows
  double target_cores = kUnknown;    ///< CPU seconds a second
  bool client_lagged = false;        ///< by load::judge_lag, at any time
  double client_cores = kUnknown;    ///< of moestress itself
  double other_cores = kUnknown;     ///< of everything else on the machine
  int cores = 0;                     ///< that may be used
  int threads = 0;                   ///< that the target computes with; 0: unknown
  double device_utilisation = kUnknown;
  bool experts_cross = false;             ///< experts on the host, the rest on a device
  double server_decode_share = kUnknown;  ///< the server's own decode time over what a client sees
};

struct Bottleneck {
  std::string name;  ///< "host memory bandwidth", "compute", …
  std::string why;   ///< with the numbers
};

/// Names what bounds decoding, by the first rule that holds: the client lagged or uses nine tenths of a core:
/// client overhead. The server's own decode time is under 70 % of ours: server overhead outside of decoding.
/// More threads than cores, or all cores busy while the target gets less than 80 % of what it could use:
/// thread oversubscription. Half of the bandwidth's bound is reached: host memory bandwidth. The device is 80
/// % busy, or the target's cores are: compute. Experts on the host of a device and none of that: device
/// transfers. Else nothing is named.
Bottleneck bottleneck(const BottleneckEvidence& evidence);

}  // namespace moestress::protocol

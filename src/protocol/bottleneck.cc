#include "protocol/bottleneck.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moestress::protocol {
namespace {

constexpr double kClientCoreShare = 0.9;
constexpr double kServerDecodeShare = 0.7;
constexpr double kAllBusyShare = 0.95;
constexpr double kBusyShare = 0.8;
constexpr double kBandwidthShare = 0.5;

}  // namespace

// A comparison with NaN is false: what is unknown names nothing.
Bottleneck bottleneck(const BottleneckEvidence& e) {
  const double usable = e.threads > 0 ? std::min(e.threads, e.cores) : e.cores;
  const std::string cpu =
      fmt::format("the target uses {:.1f} of the {:.0f} cores that it can", e.target_cores, usable);
  if (e.client_lagged) return {"client overhead", "moestress itself sent requests later than planned"};
  if (e.client_cores >= kClientCoreShare)
    return {"client overhead", fmt::format("moestress itself uses {:.1f} cores", e.client_cores)};
  if (e.server_decode_share < kServerDecodeShare)
    return {"server overhead",
            fmt::format("of the time between tokens the server accounts {:.0f} % to decoding",
                        100 * e.server_decode_share)};
  if (e.cores > 0 && e.threads > e.cores)
    return {"thread oversubscription", fmt::format("{} threads on {} cores", e.threads, e.cores)};
  if (e.cores > 0 && e.target_cores + e.client_cores + e.other_cores >= kAllBusyShare * e.cores &&
      e.target_cores < kBusyShare * usable)
    return {"thread oversubscription",
            fmt::format("{}, others {:.1f}, and none is left", cpu, e.other_cores + e.client_cores)};
  if (e.roofline_share >= kBandwidthShare)
    return {"host memory bandwidth",
            fmt::format("{:.0f} % of what it allows is reached", 100 * e.roofline_share)};
  const std::string bandwidth =
      e.roofline_share >= 0
          ? fmt::format(", {:.0f} % of what host memory bandwidth allows", 100 * e.roofline_share)
          : "";
  if (e.device_utilisation >= kBusyShare)
    return {"compute", fmt::format("the device is {:.0f} % busy{}", 100 * e.device_utilisation, bandwidth)};
  if (usable > 0 && e.target_cores >= kBusyShare * usable) return {"compute", cpu + bandwidth};
  if (e.experts_cross && std::isfinite(e.target_cores))
    return {"device transfers",
            fmt::format("{}{}{}: what is left is the way between host and device", cpu,
                        e.device_utilisation >= 0
                            ? fmt::format(", the device is {:.0f} % busy", 100 * e.device_utilisation)
                            : "",
                        bandwidth)};
  if (!std::isfinite(e.target_cores)) return {"", "what the target does to its processor could not be seen"};
  return {"", cpu + bandwidth + ": nothing that was looked at is used up"};
}

}  // namespace moestress::protocol

#include "gguf/roofline.h"

#include <cmath>

#include "base/check.h"

namespace moestress::gguf {
namespace {

double seconds(double bytes, double bytes_s) {
  if (bytes == 0) return 0;
  CHECK(bytes_s > 0);
  return bytes / bytes_s;
}

}  // namespace

SpeedBound speed_bound(const Prediction& prediction, const Bandwidths& bandwidths,
                       std::uint64_t context_tokens) {
  const Prediction::Device& host = prediction.host;
  const Prediction::Device& device = prediction.device;
  const double cached = static_cast<double>(context_tokens * prediction.kv_bytes_per_token);
  const bool on_device = device.weights_bytes > 0;

  SpeedBound bound;
  bound.device_seconds = seconds(static_cast<double>(device.decode_bytes), bandwidths.device_bytes_s);
  bound.host_seconds =
      seconds(static_cast<double>(host.decode_bytes - host.decode_routed_bytes), bandwidths.host_bytes_s);
  bound.expert_seconds =
      seconds(static_cast<double>(host.decode_routed_bytes) * (1 - bandwidths.expert_cache_hit_rate),
              bandwidths.host_bytes_s);
  bound.kv_seconds = seconds(cached, on_device ? bandwidths.device_bytes_s : bandwidths.host_bytes_s);
  bound.sync_seconds = prediction.cpu_moe_layers * bandwidths.sync_seconds;
  return bound;
}

double expected_distinct_experts(int experts, int experts_used, int tokens) {
  CHECK(experts > 0 && experts_used >= 0 && experts_used <= experts && tokens >= 0);
  const double share = static_cast<double>(experts_used) / experts;
  return experts * (1 - std::pow(1 - share, tokens));
}

}  // namespace moestress::gguf

#pragma once

#include <cstdint>

#include "gguf/prediction.h"

namespace moestress::gguf {

/// What the machine can move, in bytes per second, as measured (probe); and what each change of device costs.
struct Bandwidths {
  double host_bytes_s = 0;
  double device_bytes_s = 0;         ///< ignored where nothing is on a device
  double sync_seconds = 0;           ///< t_sync: one hand-over to the host and back
  double expert_cache_hit_rate = 0;  ///< h in [0, 1]: share of host experts' bytes served from a faster place
};

/// The least time that decoding one token of one sequence can take, split by what it is spent on.
struct SpeedBound {
  double device_seconds = 0;  ///< weights on the device
  double host_seconds = 0;    ///< weights on the host that are no routed experts
  double expert_seconds = 0;  ///< chosen experts on the host
  double kv_seconds = 0;
  double sync_seconds = 0;
  double seconds_per_token() const {
    return device_seconds + host_seconds + expert_seconds + kv_seconds + sync_seconds;
  }
  double tokens_per_second() const { return 1.0 / seconds_per_token(); }
};

/// t = sum over devices of bytes/BW + N_cpu k b_e (1 - h)/BW_cpu + KV bytes/BW + N_cpu t_sync (METRICS,
/// "Speed bound"): each byte once, nothing overlapping, no arithmetic. `context_tokens` are in the cache
/// already. Bandwidths must be positive where bytes depend on them.
SpeedBound speed_bound(const Prediction& prediction, const Bandwidths& bandwidths,
                       std::uint64_t context_tokens);

/// Expected number of distinct experts that a batch of `tokens` uses in one layer, if every choice of k of E
/// is as likely: E (1 - (1 - k/E)^tokens). For a batch, the bytes of the chosen experts grow by this over k.
double expected_distinct_experts(int experts, int experts_used, int tokens);

}  // namespace moestress::gguf

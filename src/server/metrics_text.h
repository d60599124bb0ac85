#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/batcher.h"
#include "server/counters.h"

namespace moestress::server {

/// Everything that /metrics shows; engine figures are absent until the model is loaded.
struct MetricsSnapshot {
  const Counters* counters = nullptr;
  std::string version{};
  double uptime_seconds = 0;
  int connections = 0;
  int waiting = 0;  ///< requests that have no slot yet
  std::optional<engine::BatcherStats> engine{};
  std::vector<engine::MemoryUse> memory{};
};

/// Prometheus' text exposition format 0.0.4.
std::string metrics_text(const MetricsSnapshot& snapshot);

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace moestress::server

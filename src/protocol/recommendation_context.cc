#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "protocol/recommendations.h"

namespace moestress::protocol {
namespace {

constexpr int kContextStep = 256;  // the engine rounds to it
constexpr int kContextMin = 512;   // less is of no use to anybody

int rounded_down(double tokens) { return static_cast<int>(tokens / kContextStep) * kContextStep; }

}  // namespace

std::optional<record::Recommendation> recommend_context(const Evidence& evidence, bool room_is_taken) {
  const CriterionInput& input = evidence.measured;
  const auto kv = input.metric("5.1", "kv_bytes_per_token");
  // On the host there is no limit to hold the cache against.
  if (!evidence.embedded || !input.has_device || input.device_peaks.empty() || !kv || kv->value <= 0)
    return std::nullopt;
  double peak = 0;
  for (const auto& [source, bytes] : input.device_peaks) peak = std::max(peak, bytes);
  const double limit = input.thresholds.c2_gpu_bytes_max;
  const int slots = evidence.target.slots, context = evidence.target.context_tokens;
  const double per_context_token = kv->value * slots;
  const std::string source =
      fmt::format("{} of KV cache a token (test 5.1) in {} slots, peak device memory {} (C2)",
                  base::human_bytes(kv->value), slots, base::human_bytes(peak));
  if (peak >= limit) {
    const int fits = rounded_down(context - (peak - limit) / per_context_token);
    if (fits < kContextMin) return std::nullopt;  // the cache is not what is too large
    return record::Recommendation{
        "--ctx", fmt::format("{} (from {})", fits, context),
        fmt::format("{} less device memory, which is then within C2's limit of {}",
                    base::human_bytes((context - fits) * per_context_token), base::human_bytes(limit)),
        source};
  }
  const auto trained = static_cast<double>(evidence.topology.context_tokens);
  const int fits = rounded_down(std::min(trained, context + (limit - peak) / per_context_token));
  if (room_is_taken || fits < 2 * context) return std::nullopt;
  return record::Recommendation{
      "--ctx", fmt::format("up to {} (from {})", fits, context),
      fmt::format("conversations {:.1f} times as long for {} of device memory, within C2's limit of {}",
                  static_cast<double>(fits) / context,
                  base::human_bytes((fits - context) * per_context_token), base::human_bytes(limit)),
      source};
}

}  // namespace moestress::protocol

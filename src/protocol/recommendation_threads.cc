#include <fmt/format.h>

#include <algorithm>

#include "protocol/recommendations.h"

namespace moestress::protocol {
namespace {

/// From here on memory bandwidth is what decoding waits for, and more threads wait with it.
constexpr double kBandwidthUsedUp = 0.8;

}  // namespace

std::optional<record::Recommendation> recommend_threads(const Evidence& evidence) {
  const CriterionInput& input = evidence.measured;
  const int threads = evidence.target.threads;  // 0: one for each core already
  if (!evidence.embedded || input.has_device || threads <= 0 || threads >= evidence.physical_cores)
    return std::nullopt;
  const auto share = input.metric("5.2", "roofline_share");
  const auto speed = input.metric("5.2", "decode_tok_s_mean");
  if (!share || !speed || share->value <= 0 || share->value >= kBandwidthUsedUp) return std::nullopt;
  const double more = std::min(static_cast<double>(evidence.physical_cores) / threads, 1 / share->value);
  return record::Recommendation{
      "--threads", fmt::format("{} (from {})", evidence.physical_cores, threads),
      fmt::format("up to {:.1f} tok/s in one session instead of {:.1f}", more * speed->value, speed->value),
      fmt::format(
          "{} physical cores, and {:.0f} % of what memory bandwidth allows is reached with {} threads (test "
          "5.2)",
          evidence.physical_cores, 100 * share->value, threads)};
}

}  // namespace moestress::protocol

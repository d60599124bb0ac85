#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "protocol/recommendations.h"

namespace moestress::protocol {
namespace {

/// One level is measured once: a smaller difference may be chance.
constexpr double kGainMin = 1.10;

}  // namespace

std::optional<record::Recommendation> recommend_slots(const Evidence& evidence) {
  const CriterionInput& input = evidence.measured;
  if (input.speed_of_stand_in) return std::nullopt;
  std::map<int, double> speeds;  // tok/s together, by sessions
  for (int sessions = 1; sessions <= 64; ++sessions)
    if (const auto speed = input.metric("2.2", fmt::format("aggregate_tok_s_s{}", sessions)))
      speeds[sessions] = speed->value;
  if (speeds.size() < 2) return std::nullopt;
  auto best = speeds.begin();
  for (auto one = speeds.begin(); one != speeds.end(); ++one)
    if (one->second > best->second) best = one;
  const auto most = std::prev(speeds.end());
  const int slots = evidence.target.slots;
  const std::string setting = evidence.embedded ? "--slots" : "sessions at once";
  const std::string source = fmt::format("tokens per second of all sessions, {} to {} of them (test 2.2)",
                                         speeds.begin()->first, most->first);

  if (best->first < slots && most->first >= slots &&
      best->second > kGainMin * speeds.lower_bound(slots)->second) {
    const double now = speeds.lower_bound(slots)->second;
    std::string expected = fmt::format("{:.1f} tok/s together instead of {:.1f}", best->second, now);
    if (evidence.embedded)
      expected += fmt::format(", and {} less of KV cache",
                              base::human_bytes(static_cast<double>(evidence.topology.kv_bytes_per_token) *
                                                evidence.target.context_tokens * (slots - best->first)));
    return record::Recommendation{setting, fmt::format("{} (from {})", best->first, slots), expected, source};
  }
  if (best == most && most->first >= slots) {
    const auto before = std::prev(most);
    if (most->second <= kGainMin * before->second) return std::nullopt;
    const double each = (most->second - before->second) / (most->first - before->first);
    return record::Recommendation{
        setting, fmt::format("{} (from {})", most->first + 1, slots),
        fmt::format("about {:.1f} tok/s more together: the last session that was added brought as much",
                    each),
        source + fmt::format(": {:.1f} at {}, {:.1f} at {}", before->second, before->first, most->second,
                             most->first)};
  }
  return std::nullopt;
}

}  // namespace moestress::protocol

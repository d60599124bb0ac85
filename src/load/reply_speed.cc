#include "load/reply_speed.h"

namespace moestress::load {

std::optional<ReplySpeed> reply_speed(const record::Outcome& outcome) {
  const auto& chunks = outcome.chunks;
  if (outcome.completion_tokens < 1 || chunks.size() < 3 * kChunksInThird + 1) return std::nullopt;
  const auto decoded = static_cast<double>(outcome.text.size() - chunks.front().text.size());
  const double tokens_per_byte =
      static_cast<double>(outcome.completion_tokens) / static_cast<double>(outcome.text.size());
  // Where the first third ends and the last begins.
  double bytes = 0, first_bytes = 0, last_bytes = 0;
  std::size_t first_end = 0, last_begin = 0;
  for (std::size_t i = 1; i < chunks.size(); ++i) {
    bytes += static_cast<double>(chunks[i].text.size());
    if (bytes <= decoded / 3) first_end = i, first_bytes = bytes;
    if (bytes <= 2 * decoded / 3) last_begin = i, last_bytes = decoded - bytes;
  }
  if (first_end < kChunksInThird || chunks.size() - 1 - last_begin < kChunksInThird) return std::nullopt;
  const double first_s = base::to_seconds(chunks[first_end].at - chunks.front().at);
  const double last_s = base::to_seconds(chunks.back().at - chunks[last_begin].at);
  if (first_s <= 0 || last_s <= 0) return std::nullopt;
  return ReplySpeed{first_bytes * tokens_per_byte / first_s, last_bytes * tokens_per_byte / last_s};
}

}  // namespace moestress::load

#include "protocol/cross_talk.h"

#include <algorithm>

#include "quality/consistency.h"

namespace moestress::protocol {

Parting parting_at(double margin_nats) {
  if (margin_nats <= quality::kNearTieNats) return Parting::NearTie;
  return margin_nats <= kRoundingNatsMax ? Parting::Doubtful : Parting::CrossTalk;
}

TextComparison compare_with_alone(const record::Outcome& alone, const record::Outcome& beside) {
  TextComparison comparison;
  // The replies may have been given different bounds: only what both have is compared, unless one stopped by
  // itself.
  const std::size_t common = std::min(alone.text.size(), beside.text.size());
  const auto mismatch = std::mismatch(
      alone.text.begin(), alone.text.begin() + static_cast<std::ptrdiff_t>(common), beside.text.begin());
  comparison.byte = static_cast<std::size_t>(mismatch.first - alone.text.begin());
  if (comparison.byte == common && alone.finish_reason == beside.finish_reason &&
      alone.text.size() == beside.text.size())
    return comparison;
  comparison.margin_known = false;
  std::size_t begin = 0;
  double margin = 0, margin_before = 0;
  bool before_known = false;
  for (const auto& choice : alone.choices) {
    const std::size_t end = begin + choice.text.size();
    if (comparison.byte < end || &choice == &alone.choices.back()) {
      if (!choice.margin_nats) break;
      margin = *choice.margin_nats;
      if (before_known) margin = std::min(margin, margin_before);
      comparison.margin_known = true;
      break;
    }
    before_known = choice.margin_nats.has_value();
    if (before_known) margin_before = *choice.margin_nats;
    begin = end;
  }
  comparison.margin_nats = margin;
  comparison.parting = comparison.margin_known ? parting_at(margin) : Parting::CrossTalk;
  return comparison;
}

}  // namespace moestress::protocol

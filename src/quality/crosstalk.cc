#include "quality/crosstalk.h"

#include <algorithm>
#include <cmath>

#include "quality/logits.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using base::fail;

}  // namespace

const char* to_string(Parting parting) {
  switch (parting) {
    case Parting::Same:
      return "same";
    case Parting::NearTie:
      return "near-tie";
    case Parting::CrossTalk:
      return "cross-talk";
  }
  return "?";
}

base::Result<SessionComparison> compare_session(std::span<const std::int32_t> alone,
                                                std::span<const std::int32_t> beside,
                                                const LogitsAt& logits_at, double near_tie_nats) {
  const std::size_t shorter = std::min(alone.size(), beside.size());
  const auto mismatch =
      std::mismatch(alone.begin(), alone.begin() + static_cast<std::ptrdiff_t>(shorter), beside.begin());
  const auto position = static_cast<std::size_t>(mismatch.first - alone.begin());
  SessionComparison result;
  if (position == shorter && alone.size() == beside.size()) return result;

  MOESTRESS_TRY(const std::vector<float> logits, logits_at(position));
  if (logits.empty() ||
      !std::all_of(logits.begin(), logits.end(), [](float l) { return std::isfinite(l); })) {
    return fail(ErrorCode::Format, "The logits that predict reply token {} are missing or not finite.",
                position);
  }
  result.position = static_cast<std::int64_t>(position);
  if (position < shorter) {
    const std::int32_t token = beside[position];
    if (token < 0 || static_cast<std::size_t>(token) >= logits.size()) {
      return fail(ErrorCode::Format, "Reply token {} is {}, outside the vocabulary of {}.", position, token,
                  logits.size());
    }
    result.margin_nats = static_cast<double>(logits[top_token(logits)]) -
                         static_cast<double>(logits[static_cast<std::size_t>(token)]);
  } else {
    result.margin_nats = top_margin_nats(logits);
  }
  result.parting = result.margin_nats <= near_tie_nats ? Parting::NearTie : Parting::CrossTalk;
  return result;
}

}  // namespace moestress::quality

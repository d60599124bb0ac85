#pragma once

#include <cstdint>
#include <string>

#include "quality/consistency.h"
#include "record/outcome.h"

namespace moestress::protocol {

enum class Parting {
  Same,
  NearTie,    ///< they part where rounding makes them part: within quality::kNearTieNats
  Doubtful,   ///< within kRoundingNatsMax: whether by rounding is seen by teacher forcing the reply
  CrossTalk,  ///< they part where the text alone leaves no doubt: something else reached the session
};

/// Further apart no rounding turns two tokens. Kernels for several sequences round activations otherwise than
/// those for one; with 4-bit weights that moves logits by some 0.05 nats, and a sound server was seen to part
/// at a margin of 0.2.
inline constexpr double kRoundingNatsMax = 1.0;

/// Of texts that part at this margin.
Parting parting_at(double margin_nats);

/// A session's greedy text beside others, held against its text alone.
struct TextComparison {
  Parting parting = Parting::Same;
  std::size_t byte = 0;      ///< of the first difference
  double margin_nats = 0;    ///< of the text alone, there
  bool margin_known = true;  ///< the server told log probabilities of the text alone
};

/// Where texts part, the reply alone decides: its own log probabilities tell whether the token there was a
/// near-tie. The token before counts as well, since another spelling may begin one token early and show one
/// token late.
TextComparison compare_with_alone(const record::Outcome& alone, const record::Outcome& beside);

}  // namespace moestress::protocol

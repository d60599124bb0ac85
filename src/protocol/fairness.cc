#include "protocol/fairness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "load/latency.h"
#include "stats/quantile.h"

namespace moestress::protocol {
namespace {

double slowdown(const Beside& session) {
  const auto alone = load::decode_tok_s(*session.alone);
  const auto beside = load::decode_tok_s(*session.beside);
  return alone && beside && *beside > 0 ? *alone / *beside : std::nan("");
}

double decode_ms(const record::Outcome& outcome) {
  return base::to_ms(outcome.last_text - outcome.first_text);
}

double ttft_ms(const record::Outcome& outcome) { return base::to_ms(outcome.first_text - outcome.planned); }

bool usable(const Beside& session) {
  return session.alone != nullptr && session.beside != nullptr && session.alone->ok() &&
         session.beside->ok() && session.alone->first_text.count() >= 0 &&
         session.beside->first_text.count() >= 0;
}

}  // namespace

Starvation find_starvation(const std::vector<Beside>& sessions) {
  Starvation found;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    if (!usable(sessions[i])) continue;
    std::vector<double> others;
    double served_ms = ttft_ms(*sessions[i].alone), prompts_ms = 0;
    bool all_known = sessions.size() > 1;
    for (std::size_t j = 0; j < sessions.size(); ++j) {
      if (j == i) continue;
      if (!usable(sessions[j])) {
        all_known = false;
        continue;
      }
      served_ms += base::to_ms(sessions[j].alone->done - sessions[j].alone->planned);
      prompts_ms += ttft_ms(*sessions[j].alone);
      if (const double other = slowdown(sessions[j]); std::isfinite(other)) others.push_back(other);
    }
    const double own = slowdown(sessions[i]);
    if (!others.empty() && std::isfinite(own)) {
      found.judged = true;
      const double ratio = own / stats::quantile(others, 0.5);
      const double lost_ms = (1 - 1 / ratio) * decode_ms(*sessions[i].beside);
      const bool starved =
          ratio > kStarvedRatio && lost_ms > std::max(kNoticedMs, kLastServedFactor * prompts_ms);
      if (ratio > found.worst_ratio) {
        found.worst_ratio = ratio;
        if (starved)
          found.what =
              fmt::format("session {} of {} decoded {:.1f} times as slowly as alone, the others {:.1f} times",
                          i + 1, sessions.size(), own, own / ratio);
      }
      found.starved = found.starved || starved;
    }
    if (!all_known) continue;
    found.judged = true;
    const double waited = ttft_ms(*sessions[i].beside);
    if (waited <= kLastServedFactor * served_ms || waited - served_ms <= kNoticedMs) continue;
    if (!found.starved)
      found.what = fmt::format(
          "session {} of {} waited {:.0f} ms for its first text; serving all the others first would "
          "have taken {:.0f} ms",
          i + 1, sessions.size(), waited, served_ms);
    found.starved = true;
  }
  return found;
}

}  // namespace moestress::protocol

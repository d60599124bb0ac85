#include "load/goodput.h"

#include <algorithm>
#include <vector>

#include "load/latency.h"

namespace moestress::load {

using base::Duration;
using record::Outcome;

bool meets(const Outcome& outcome, const Objective& objective, bool whole) {
  if (!outcome.ok()) return false;
  if (outcome.first_text < Duration(0))  // a reply without text: its end is all that a user sees
    return base::to_ms(outcome.done - outcome.planned) <= objective.ttft_ms_max;
  if (whole) {
    const auto gaps = static_cast<double>(std::max<std::int64_t>(outcome.completion_tokens - 1, 0));
    return base::to_ms(outcome.done - outcome.planned) <=
           objective.ttft_ms_max + gaps * objective.tpot_ms_max;
  }
  if (base::to_ms(outcome.first_text - outcome.planned) > objective.ttft_ms_max) return false;
  const auto speed = decode_tok_s(outcome);
  return !speed || 1000 / *speed <= objective.tpot_ms_max;
}

Goodput goodput(std::span<const Outcome> outcomes, const Objective& objective, const Whole& whole,
                Duration duration) {
  Goodput result;
  Duration first = Duration::max(), last{0};
  for (const Outcome& outcome : outcomes) {
    if (outcome.ending == record::Ending::Cancelled) continue;
    ++result.n;
    result.ok += outcome.ok() ? 1 : 0;
    result.met += meets(outcome, objective, whole.contains(outcome.request)) ? 1 : 0;
    first = std::min(first, outcome.planned);
    last = std::max(last, outcome.done);
  }
  result.seconds = base::to_seconds(result.n == 0 ? duration : std::max(duration, last - first));
  return result;
}

stats::Trend ttft_growth(std::span<const Outcome> outcomes) {
  std::vector<double> planned, ttft;
  for (const Outcome& outcome : outcomes) {
    if (!outcome.ok() || outcome.first_text < Duration(0)) continue;
    planned.push_back(base::to_seconds(outcome.planned));
    ttft.push_back(base::to_seconds(outcome.first_text - outcome.planned));
  }
  return stats::theil_sen(planned, ttft);
}

}  // namespace moestress::load

#include "experts/step_cost.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "experts/switching.h"
#include "stats/quantile.h"

namespace moestress::experts {
namespace {

using base::Duration;

struct Event {
  Duration at{0};
  std::size_t reply = 0;
  TimedStep step;
};

/// Where in the text each token of the reply ends: first the reply's begin, 0. Empty if the text is not
/// there.
std::vector<std::size_t> token_ends(std::string_view text, std::span<const std::string> pieces,
                                    std::size_t& first) {
  std::size_t left = text.size();
  first = pieces.size();
  while (left > 0 && first > 0) {
    const std::string& piece = pieces[first - 1];
    if (piece.size() > left || text.substr(left - piece.size(), piece.size()) != piece) return {};
    left -= piece.size();
    --first;
  }
  if (left > 0) return {};
  std::vector<std::size_t> ends{0};
  for (std::size_t i = first; i < pieces.size(); ++i) ends.push_back(ends.back() + pieces[i].size());
  return ends;
}

}  // namespace

AlignedReply align_steps(const record::Outcome& reply, std::span<const std::string> pieces) {
  AlignedReply aligned;
  const auto gaps = static_cast<std::int64_t>(reply.chunks.size()) - 1;
  std::size_t first = 0;
  const auto ends = token_ends(reply.text, pieces, first);
  if (gaps < 1 || ends.empty()) {
    aligned.dropped = std::max<std::int64_t>(gaps, 0);
    return aligned;
  }
  std::size_t begin = 0;
  bool previous_is_token = false;
  for (std::size_t i = 0; i < reply.chunks.size(); ++i) {
    const std::size_t end = begin + reply.chunks[i].text.size();
    const auto at = std::lower_bound(ends.begin(), ends.end(), begin);
    // The token that ends where the chunk does must be the one that begins where it begins.
    const bool is_token =
        at != ends.end() && *at == begin && end > begin && at + 1 != ends.end() && *(at + 1) == end;
    if (is_token && previous_is_token) {
      const auto token = first + static_cast<std::size_t>(at - ends.begin());
      // What makes a token is the step that reads the one before it.
      aligned.steps.push_back(
          {reply.chunks[i].at, base::to_ms(reply.chunks[i].at - reply.chunks[i - 1].at), token - 1});
    }
    previous_is_token = is_token;
    begin = end;
  }
  aligned.dropped = gaps - static_cast<std::int64_t>(aligned.steps.size());
  return aligned;
}

stats::Trend switch_cost_ms(std::span<const AlignedReply> replies,
                            std::span<const record::RoutingTrace> traces) {
  CHECK(replies.size() == traces.size());
  std::vector<double> all_changed, all_ms;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const auto switches = experts_changed(traces[i]);
    std::vector<double> changed, ms;
    for (const TimedStep& step : replies[i].steps) {
      if (step.token == 0 || step.token >= switches.size()) continue;
      changed.push_back(switches[step.token]);
      ms.push_back(step.ms);
    }
    const double usual_changed = stats::quantile(changed, 0.5), usual_ms = stats::quantile(ms, 0.5);
    for (std::size_t j = 0; j < ms.size(); ++j) {
      all_changed.push_back(changed[j] - usual_changed);
      all_ms.push_back(ms[j] - usual_ms);
    }
  }
  return stats::theil_sen(all_changed, all_ms);
}

std::vector<BatchStep> batch_steps(std::span<const AlignedReply> replies,
                                   std::span<const record::RoutingTrace> traces) {
  CHECK(replies.size() == traces.size());
  std::vector<Event> events;
  std::vector<double> all_ms;
  for (std::size_t i = 0; i < replies.size(); ++i)
    for (const TimedStep& step : replies[i].steps) {
      if (step.token >= traces[i].tokens) continue;
      events.push_back({step.at, i, step});
      all_ms.push_back(step.ms);
    }
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  const double together_ms = stats::quantile(all_ms, 0.5) / 3;
  std::vector<BatchStep> steps;
  for (std::size_t begin = 0; begin < events.size();) {
    std::vector<const record::RoutingTrace*> batch_traces;
    std::vector<std::size_t> tokens;
    std::vector<double> ms;
    std::vector<bool> seen(replies.size(), false);
    std::size_t end = begin;
    for (; end < events.size(); ++end) {
      const Event& event = events[end];
      if (seen[event.reply] || base::to_ms(event.at - events[begin].at) > together_ms) break;
      seen[event.reply] = true;
      batch_traces.push_back(&traces[event.reply]);
      tokens.push_back(event.step.token);
      ms.push_back(event.step.ms);
    }
    steps.push_back(
        {static_cast<int>(tokens.size()), distinct_experts(batch_traces, tokens), stats::quantile(ms, 0.5)});
    begin = end;
  }
  return steps;
}

}  // namespace moestress::experts

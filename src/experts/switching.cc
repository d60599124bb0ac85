#include "experts/switching.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "record/routing_agreement.h"

namespace moestress::experts {
namespace {

int common(std::span<const std::uint16_t> a, std::span<const std::uint16_t> b) {
  int count = 0;
  for (std::uint16_t expert : a) count += std::find(b.begin(), b.end(), expert) != b.end() ? 1 : 0;
  return count;
}

/// Mean of measure(earlier, later) over tokens `lag` apart that are both present; 0 where there are none.
template <class Measure>
double mean_over_pairs(std::span<const record::RoutingTrace> traces, std::size_t layer_index, int lag,
                       const Measure& measure) {
  if (lag < 1) return 0;
  const auto distance = static_cast<std::size_t>(lag);
  double sum = 0;
  std::int64_t pairs = 0;
  for (const record::RoutingTrace& trace : traces) {
    for (std::size_t token = distance; token < trace.tokens; ++token) {
      if (!trace.present(token, layer_index) || !trace.present(token - distance, layer_index)) continue;
      sum += measure(trace.chosen(token - distance, layer_index), trace.chosen(token, layer_index));
      ++pairs;
    }
  }
  return pairs > 0 ? sum / static_cast<double>(pairs) : 0;
}

}  // namespace

double consecutive_overlap(std::span<const record::RoutingTrace> traces, std::size_t layer_index, int lag) {
  return mean_over_pairs(traces, layer_index, lag, [](const auto& earlier, const auto& later) {
    return common(earlier, later) / static_cast<double>(later.size());
  });
}

double switch_rate(std::span<const record::RoutingTrace> traces, std::size_t layer_index) {
  return mean_over_pairs(traces, layer_index, 1, [](const auto& earlier, const auto& later) {
    return 1 - common(earlier, later) / static_cast<double>(later.size());
  });
}

double first_choice_repeats(std::span<const record::RoutingTrace> traces, std::size_t layer_index) {
  return mean_over_pairs(traces, layer_index, 1, [](const auto& earlier, const auto& later) {
    return earlier.front() == later.front() ? 1.0 : 0.0;
  });
}

std::vector<int> experts_changed(const record::RoutingTrace& trace) {
  std::vector<int> changed(trace.tokens, 0);
  for (std::size_t token = 1; token < trace.tokens; ++token) {
    for (std::size_t layer = 0; layer < trace.layers.size(); ++layer) {
      if (!trace.present(token, layer) || !trace.present(token - 1, layer)) continue;
      changed[token] += trace.k - common(trace.chosen(token, layer), trace.chosen(token - 1, layer));
    }
  }
  return changed;
}

int distinct_experts(std::span<const record::RoutingTrace* const> traces,
                     std::span<const std::size_t> tokens) {
  CHECK(traces.size() == tokens.size());
  if (traces.empty()) return 0;
  int distinct = 0;
  std::vector<bool> used;
  for (std::size_t layer = 0; layer < traces[0]->layers.size(); ++layer) {
    used.assign(static_cast<std::size_t>(traces[0]->experts), false);
    for (std::size_t i = 0; i < traces.size(); ++i) {
      CHECK(record::same_topology(*traces[0], *traces[i]));
      if (!traces[i]->present(tokens[i], layer)) continue;
      for (std::uint16_t expert : traces[i]->chosen(tokens[i], layer)) {
        distinct += used[expert] ? 0 : 1;
        used[expert] = true;
      }
    }
  }
  return distinct;
}

}  // namespace moestress::experts

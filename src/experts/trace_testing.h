#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.h"
#include "record/routing.h"

namespace moestress::experts {

/// A trace of one layer (number 5): for each token the experts it chose, of `experts`, with equal weights.
inline record::RoutingTrace one_layer(int experts, const std::vector<std::vector<std::uint16_t>>& chosen) {
  record::RoutingTrace trace;
  trace.layers = {5};
  trace.experts = experts;
  trace.k = chosen.empty() ? 1 : static_cast<int>(chosen[0].size());
  trace.tokens = chosen.size();
  for (const auto& token : chosen) trace.ids.insert(trace.ids.end(), token.begin(), token.end());
  trace.weights.assign(trace.ids.size(), 1.0F / static_cast<float>(trace.k));
  return trace;
}

/// k different experts for each token and layer, expert e with odds 1 + skew·e.
inline record::RoutingTrace random_trace(base::Random& random, std::size_t tokens, std::size_t layers,
                                         int experts, int k, double skew = 0) {
  record::RoutingTrace trace;
  trace.layers.resize(layers);
  std::iota(trace.layers.begin(), trace.layers.end(), 0);
  trace.experts = experts;
  trace.k = k;
  trace.tokens = tokens;
  std::vector<std::pair<double, std::uint16_t>> keys(static_cast<std::size_t>(experts));
  for (std::size_t entry = 0; entry < tokens * layers; ++entry) {
    // The smallest of exponential keys are a weighted draw without replacement (Efraimidis and Spirakis
    // 2006).
    for (std::size_t e = 0; e < keys.size(); ++e) {
      keys[e] = {random.exponential(1 / (1 + skew * static_cast<double>(e))), static_cast<std::uint16_t>(e)};
    }
    std::partial_sort(keys.begin(), keys.begin() + k, keys.end());
    for (int i = 0; i < k; ++i) trace.ids.push_back(keys[static_cast<std::size_t>(i)].second);
  }
  trace.weights.assign(trace.ids.size(), 1.0F / static_cast<float>(k));
  return trace;
}

}  // namespace moestress::experts

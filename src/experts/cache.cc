#include "experts/cache.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "experts/expert_counts.h"

namespace moestress::experts {
namespace {

/// Experts chosen by one token after the other, [tokens × k].
struct Lookups {
  std::vector<std::uint16_t> ids;
  std::size_t k = 1;
  std::size_t experts = 0;

  std::size_t tokens() const { return ids.size() / k; }
  std::span<const std::uint16_t> at(std::size_t token) const { return {ids.data() + token * k, k}; }
};

Lookups lookups_of(std::span<const record::RoutingTrace> traces, std::size_t layer_index) {
  Lookups lookups;
  lookups.k = static_cast<std::size_t>(traces.front().k);
  lookups.experts = static_cast<std::size_t>(traces.front().experts);
  for (const record::RoutingTrace& trace : traces) {
    for (std::size_t token = 0; token < trace.tokens; ++token) {
      if (!trace.present(token, layer_index)) continue;
      const auto chosen = trace.chosen(token, layer_index);
      lookups.ids.insert(lookups.ids.end(), chosen.begin(), chosen.end());
    }
  }
  return lookups;
}

Lookups shuffled(const Lookups& lookups, base::Random& random) {
  std::vector<std::size_t> order(lookups.tokens());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  Lookups result{.ids = {}, .k = lookups.k, .experts = lookups.experts};
  for (std::size_t token : order) {
    const auto chosen = lookups.at(token);
    result.ids.insert(result.ids.end(), chosen.begin(), chosen.end());
  }
  return result;
}

/// What a policy would rather keep: the higher value. `use` sets those of the experts that token `time`
/// chose.
using Priorities = std::vector<std::uint64_t>;
using Use = std::function<void(std::size_t time, std::span<const std::uint16_t> chosen, Priorities&)>;

/// A cache of every size at once. A cache of C holds after each token the C best of what it held and what was
/// chosen; one order serves all sizes, so the cache of C is that of C − 1 and one expert more: the first C of
/// one stack.
std::vector<double> hit_rates(const Lookups& lookups, const Use& use) {
  std::vector<std::int64_t> hits_at(lookups.experts + 1, 0);  // by depth: a hit for every larger cache
  Priorities priority(lookups.experts, 0);
  std::vector<std::uint16_t> stack;
  std::vector<std::uint16_t> waiting;
  for (std::size_t time = 0; time < lookups.tokens(); ++time) {
    const auto chosen = lookups.at(time);
    for (std::uint16_t expert : chosen) {
      const auto found = std::find(stack.begin(), stack.end(), expert);
      if (found != stack.end()) ++hits_at[static_cast<std::size_t>(found - stack.begin()) + 1];
    }
    use(time, chosen, priority);
    // Level by level the best of those that no smaller cache has kept. None waiting: what lies deeper stays.
    waiting.assign(chosen.begin(), chosen.end());
    for (std::size_t depth = 0; !waiting.empty(); ++depth) {
      if (depth == stack.size()) {
        stack.push_back(waiting.front());
      } else if (std::find(chosen.begin(), chosen.end(), stack[depth]) == chosen.end()) {
        waiting.push_back(stack[depth]);
      }
      const auto best =
          std::max_element(waiting.begin(), waiting.end(), [&](std::uint16_t a, std::uint16_t b) {
            return priority[a] != priority[b] ? priority[a] < priority[b] : a > b;
          });
      stack[depth] = *best;
      waiting.erase(best);
    }
  }
  std::vector<double> rates(lookups.experts + 1, 0.0);
  std::int64_t hits = 0;
  for (std::size_t size = 1; size < rates.size(); ++size) {
    hits += hits_at[size];
    if (!lookups.ids.empty())
      rates[size] = static_cast<double>(hits) / static_cast<double>(lookups.ids.size());
  }
  return rates;
}

/// Of a token's experts the router's first choice counts as used last.
std::uint64_t recency(std::size_t time, std::size_t rank, std::size_t k) { return (time + 1) * k - rank; }

std::vector<double> least_recent(const Lookups& lookups) {
  return hit_rates(lookups,
                   [](std::size_t time, std::span<const std::uint16_t> chosen, Priorities& priority) {
                     for (std::size_t i = 0; i < chosen.size(); ++i)
                       priority[chosen[i]] = recency(time, i, chosen.size());
                   });
}

std::vector<double> least_frequent(const Lookups& lookups) {
  // Uses in the upper bits, recency below to break ties: 2^40 lookups are more than a trace can hold.
  constexpr std::uint64_t kOneUse = std::uint64_t{1} << 40;
  return hit_rates(lookups,
                   [](std::size_t time, std::span<const std::uint16_t> chosen, Priorities& priority) {
                     for (std::size_t i = 0; i < chosen.size(); ++i) {
                       const std::uint64_t uses = priority[chosen[i]] / kOneUse + 1;
                       priority[chosen[i]] = uses * kOneUse + recency(time, i, chosen.size());
                     }
                   });
}

std::vector<double> furthest_next_use(const Lookups& lookups) {
  // Priority: the sooner the next use, the higher; 0 where there is none.
  std::vector<std::uint64_t> next(lookups.ids.size(), 0);
  std::vector<std::uint64_t> seen(lookups.experts, 0);
  for (std::size_t time = lookups.tokens(); time-- > 0;) {
    for (std::size_t i = time * lookups.k; i < (time + 1) * lookups.k; ++i) {
      next[i] = seen[lookups.ids[i]];
      seen[lookups.ids[i]] = std::numeric_limits<std::uint64_t>::max() - time;
    }
  }
  return hit_rates(lookups,
                   [&](std::size_t time, std::span<const std::uint16_t> chosen, Priorities& priority) {
                     for (std::size_t i = 0; i < chosen.size(); ++i)
                       priority[chosen[i]] = next[time * lookups.k + i];
                   });
}

std::vector<double> most_used(const Lookups& lookups) {
  std::vector<double> share(lookups.experts, 0.0);
  for (std::uint16_t expert : lookups.ids) share[expert] += 1 / static_cast<double>(lookups.ids.size());
  std::sort(share.begin(), share.end(), std::greater<>());
  std::vector<double> rates(lookups.experts + 1, 0.0);
  for (std::size_t size = 1; size < rates.size(); ++size)
    rates[size] = std::min(1.0, rates[size - 1] + share[size - 1]);
  return rates;
}

}  // namespace

std::vector<CacheCurve> cache_curves(std::span<const record::RoutingTrace> traces, std::uint64_t seed) {
  std::vector<CacheCurve> curves;
  if (traces.empty()) return curves;
  base::Random random(base::derive_seed(seed, "experts.cache"));
  for (std::size_t layer = 0; layer < traces.front().layers.size(); ++layer) {
    const Lookups lookups = lookups_of(traces, layer);
    const Lookups mixed = shuffled(lookups, random);
    curves.push_back({.layer = traces.front().layers[layer],
                      .lookups = static_cast<std::int64_t>(lookups.ids.size()),
                      .lru = least_recent(lookups),
                      .lfu = least_frequent(lookups),
                      .belady = furthest_next_use(lookups),
                      .fixed = most_used(lookups),
                      .lru_shuffled = least_recent(mixed),
                      .lfu_shuffled = least_frequent(mixed)});
  }
  return curves;
}

}  // namespace moestress::experts

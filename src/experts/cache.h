#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "record/routing.h"

namespace moestress::experts {

/// Hit rates of an expert cache of one layer, index C = experts that it holds, [E + 1], [0] = 0. A token's k
/// experts are all looked up before any of them is brought in; the cache begins empty, so first uses are
/// misses.
struct CacheCurve {
  int layer = 0;
  std::int64_t lookups = 0;          ///< k for each token that has an entry
  std::vector<double> lru;           ///< least recently used leaves
  std::vector<double> lfu;           ///< least often used so far leaves (counted also while not held)
  std::vector<double> belady;        ///< the one used again last leaves (Belady 1966): no policy does better
  std::vector<double> fixed;         ///< the C most used of the whole trace, held from the start
  std::vector<double> lru_shuffled;  ///< LRU on the same tokens in random order: what is left is skew, …
  std::vector<double> lfu_shuffled;  ///< … the difference to the trace in its order is locality
};

/// Simulates every C of every policy in one pass each: each policy keeps the C experts of highest priority,
/// which makes it a stack algorithm (Mattson et al. 1970). Traces follow each other, as texts do in a server.
/// One curve for each layer.
std::vector<CacheCurve> cache_curves(std::span<const record::RoutingTrace> traces, std::uint64_t seed);

}  // namespace moestress::experts

#include "stats/fairness.h"

#include <cmath>

namespace moestress::stats {

double jain(std::span<const double> shares) {
  double n = 0;
  double sum = 0;
  double squares = 0;
  for (double share : shares) {
    if (!std::isfinite(share) || share < 0) continue;
    n += 1;
    sum += share;
    squares += share * share;
  }
  return squares > 0 ? sum * sum / (n * squares) : 1;
}

}  // namespace moestress::stats

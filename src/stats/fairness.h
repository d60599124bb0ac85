#pragma once

#include <span>

namespace moestress::stats {

/// Jain's fairness index (Σx)² / (n Σx²) (Jain, Chiu, Hawe 1984): 1 where all shares are equal, 1/n where one
/// has everything. Shares are ≥ 0; negative and non-finite ones are left out. 1 where nothing was shared out.
double jain(std::span<const double> shares);

}  // namespace moestress::stats

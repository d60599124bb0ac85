#pragma once

#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace moestress::stats {

/// The finite of some values, in order: the rule of this module for NaN and infinities is to leave them out.
inline std::vector<double> finite(std::span<const double> values) {
  std::vector<double> kept;
  kept.reserve(values.size());
  for (double value : values) {
    if (std::isfinite(value)) kept.push_back(value);
  }
  return kept;
}

/// The pairs of which both are finite, in order; as many as the shorter has.
inline std::vector<std::pair<double, double>> finite_pairs(std::span<const double> x,
                                                           std::span<const double> y) {
  std::vector<std::pair<double, double>> kept;
  for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
    if (std::isfinite(x[i]) && std::isfinite(y[i])) kept.emplace_back(x[i], y[i]);
  }
  return kept;
}

}  // namespace moestress::stats

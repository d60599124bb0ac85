#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace moestress {

/// "median (least to most), n = 9"; `values` is not empty.
inline std::string summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return fmt::format("{:.4g} ({:.4g} to {:.4g}), n = {}", median, values.front(), values.back(),
                     values.size());
}

}  // namespace moestress

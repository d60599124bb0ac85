#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stats/interval.h"

namespace moestress::stats {

/// y = intercept + slope·x by least squares.
struct LinearFit {
  double intercept = 0;
  double slope = 0;
  Interval slope_interval;  ///< Student t with n − 2 degrees of freedom; unbounded where n is 2
  Interval intercept_interval;
  double r2 = 0;  ///< 1 − residual over total sum of squares; 1 where y is constant
  std::int64_t n = 0;
};

/// y = a + b·x + c·x² by least squares.
struct QuadraticFit {
  double a = 0;
  double b = 0;
  double c = 0;
  Interval
      c_interval;  ///< of the quadratic term; Student t with n − 3 degrees of freedom; unbounded where n is 3
  double r2 = 0;
  std::int64_t n = 0;
};

// For both: x and y are of one length; pairs that are not finite are left out; none for fewer different x
// than coefficients. The residual spread is never taken below the rounding of y (4 ε·max|y|), so that data
// which lies exactly on a line gets a quadratic term whose interval holds 0.

std::optional<LinearFit> linear_fit(std::span<const double> x, std::span<const double> y,
                                    double confidence = 0.95);
std::optional<QuadraticFit> quadratic_fit(std::span<const double> x, std::span<const double> y,
                                          double confidence = 0.95);

}  // namespace moestress::stats

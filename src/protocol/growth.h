#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stats/fit.h"

namespace moestress::protocol {

/// How a figure grows with the tokens in a context: a line and a parabola through the same points.
struct Growth {
  std::optional<stats::LinearFit> line;
  std::optional<stats::QuadraticFit> curve;
  double limit = 0;  ///< tokens that the growth is judged at

  /// Whether the quadratic term is positive and its interval excludes 0. Never with fewer than four points.
  bool bends_up() const;
  /// What the quadratic term adds at the limit, in the figure's unit; 0 without a curve.
  double extra() const;
  /// What the curve's linear term adds at the limit; 0 without a curve.
  double linear_part() const;
  /// What the curve gives at the limit without its quadratic term; 0 without a curve.
  double without_bend() const;
};

Growth growth(std::span<const double> tokens, std::span<const double> figures, double limit);

/// "TTFT grows by 12.5 ms a token, on a line (8 steps, R² 0.999)", or "… bends upwards: at 4096 tokens the
/// bend adds 40 % to the line". `unit` is that of the figure.
std::string describe(const Growth& growth, std::string_view what, std::string_view unit);

}  // namespace moestress::protocol

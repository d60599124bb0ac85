#include "protocol/growth.h"

#include <fmt/format.h>

#include <cmath>

namespace moestress::protocol {

bool Growth::bends_up() const { return curve && curve->c_interval.bounded() && curve->c_interval.lo > 0; }

double Growth::extra() const { return curve ? curve->c * limit * limit : 0; }

double Growth::linear_part() const { return curve ? curve->b * limit : 0; }

double Growth::without_bend() const { return curve ? curve->a + curve->b * limit : 0; }

Growth growth(std::span<const double> tokens, std::span<const double> figures, double limit) {
  return {stats::linear_fit(tokens, figures), stats::quadratic_fit(tokens, figures), limit};
}

std::string describe(const Growth& growth, std::string_view what, std::string_view unit) {
  if (!growth.line) return fmt::format("{}: too few steps for a line", what);
  const auto n = growth.line->n;
  if (!growth.curve || !growth.curve->c_interval.bounded())
    return fmt::format("{} changes by {:.3g} {} a token; {} steps can't tell a bend from a line", what,
                       growth.line->slope, unit, n);
  if (growth.curve->c_interval.contains(0) && growth.line->slope_interval.contains(0))
    return fmt::format(
        "{} is not seen to change with context: {:.3g} {} a token, an interval of {:.3g} to {:.3g} "
        "({} steps)",
        what, growth.line->slope, unit, growth.line->slope_interval.lo, growth.line->slope_interval.hi, n);
  if (growth.curve->c_interval.contains(0))
    return fmt::format("{} changes by {:.3g} {} a token, on a line ({} steps, R² {:.3f})", what,
                       growth.line->slope, unit, n, growth.line->r2);
  return fmt::format(
      "{} bends {} with context: at {:.0f} tokens the bend makes {:+.3g} {} ({} steps, R² {:.3f})", what,
      growth.curve->c > 0 ? "upwards" : "downwards", growth.limit, growth.extra(), unit, n, growth.curve->r2);
}

}  // namespace moestress::protocol

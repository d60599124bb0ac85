#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace moestress::plan {

/// What of a quantity's values is held against the limit.
enum class Statistic : std::uint8_t { Figure, Quantile, Mean, Min, Max, Median, Rate };
enum class Comparison : std::uint8_t { Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual };

/// A check's expectation, understood.
struct Expectation {
  std::string test;    ///< id; empty: every test
  std::string metric;  ///< a record::Quantity, or a figure by its name (Statistic::Figure)
  Statistic statistic = Statistic::Figure;
  double quantile = 0;  ///< in (0, 1), of Statistic::Quantile
  Comparison comparison = Comparison::Less;
  double limit = 0;

  bool holds(double value) const;
};

/// What is wrong with an expectation, and where: columns count from 1.
struct ExpectationError {
  std::size_t column = 1;
  std::string text;
};

/// Reads `[<test id>/]<metric> [p(N)|avg|min|max|med|rate] <op> <number>`, op one of < <= > >= == !=.
/// A quantity that every request has (record::quantities) needs a statistic, a test's own figure
/// (record::metric_catalogue) takes none. Unknown tests and metrics are refused with the nearest known name.
tl::expected<Expectation, ExpectationError> parse_expectation(std::string_view text);

}  // namespace moestress::plan

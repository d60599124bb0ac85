#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moestress::record {

/// A figure that a test gives: what Metrics hold under this name.
struct MetricEntry {
  std::string_view test;  ///< "2.2"; "" for those that any test may give
  /// With {N} where a number stands, {set} where the name of a set of prompts does, {name} where any does.
  std::string_view name;
  std::string_view unit;
  std::string_view meaning;  ///< in one line
};

/// Every figure of every test, in the tests' order. What a test gives and this does not hold is a mistake
/// that tests/integration/plan_test.py finds.
std::span<const MetricEntry> metric_catalogue();

/// Whether a figure of this name is one that the entry stands for.
bool stands_for(const MetricEntry& entry, std::string_view name);

/// The ids of the tests that give it, in their order; "" among them: any test may. Empty: nothing is called
/// so.
std::vector<std::string_view> tests_that_give(std::string_view name);

/// Something that is taken of every request, so that a check can ask for any statistic of it.
struct Quantity {
  std::string_view name;
  std::string_view unit;
  std::string_view meaning;
  bool share = false;  ///< a share of requests, which has a rate and nothing else
};

/// ttft_ms, ttft_send_ms, itl_ms, tpot_ms, e2e_ms, decode_tok_s; requests_failed, requests_ok.
std::span<const Quantity> quantities();
/// nullptr: no such.
const Quantity* find_quantity(std::string_view name);

}  // namespace moestress::record

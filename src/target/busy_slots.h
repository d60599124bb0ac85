#pragma once

#include <optional>
#include <string_view>

namespace moestress::target {

/// Of llama-server's /slots: how many are processing; absent where it is not that.
std::optional<int> busy_in_slots(std::string_view body);
/// The value of a gauge in Prometheus' text format, summed over its labels; absent where there is none.
std::optional<double> gauge_in_metrics(std::string_view text, std::string_view name);

}  // namespace moestress::target

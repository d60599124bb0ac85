#include "target/busy_slots.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

namespace moestress::target {

std::optional<int> busy_in_slots(std::string_view body) {
  const auto slots = nlohmann::json::parse(body, nullptr, false);
  if (!slots.is_array() || slots.empty()) return std::nullopt;
  int busy = 0;
  for (const auto& slot : slots) {
    const auto processing = slot.is_object() ? slot.find("is_processing") : slot.end();
    if (processing == slot.end() || !processing->is_boolean()) return std::nullopt;
    if (processing->get<bool>()) ++busy;
  }
  return busy;
}

std::optional<double> gauge_in_metrics(std::string_view text, std::string_view name) {
  std::optional<double> sum;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    if (const char after = line[name.size()]; after != ' ' && after != '{') continue;
    const std::string number(line.substr(line.rfind(' ') + 1));
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (end == number.c_str() || !std::isfinite(value)) continue;
    sum = sum.value_or(0) + value;
  }
  return sum;
}

}  // namespace moestress::target

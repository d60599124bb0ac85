#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "base/text.h"
#include "plan/check.h"
#include "plan/fields.h"

namespace moestress::plan {
namespace {

constexpr std::array<std::string_view, 19> kTests{"1.1", "1.2", "1.3", "1.4", "2.1", "2.2", "2.3",
                                                  "3.1", "3.2", "4.1", "4.2", "5.1", "5.2", "6.1",
                                                  "6.2", "S1",  "S2",  "S3",  "S4"};
constexpr std::array<std::string_view, 6> kDialects{"auto",         "openai", "shimmy",
                                                    "llama-server", "ollama", "vllm"};
constexpr std::array<std::string_view, 8> kTaskFamilies{"arithmetic", "knights", "ordering", "zebra",
                                                        "sequence",   "dates",   "code",     "debugging"};
constexpr std::array<std::string_view, 3> kSuites{"smoke", "standard", "full"};
constexpr double kFactorMax = 1000;

/// `value` times `factor`, a whole number where T is, within [floor, the field's upper bound]; a value that
/// is below the floor already is left alone rather than raised.
template <class T>
T scaled_value(T value, double factor, const Field& field) {
  const double raw = static_cast<double>(value) * factor;
  const double floor = std::min(*field.scale_floor, static_cast<double>(value));
  const double bounded = std::clamp(std::is_integral_v<T> ? std::round(raw) : raw, floor, field.high);
  return static_cast<T>(bounded);
}

void scale_field(const Field& field, Plan& plan, double factor) {
  std::visit(
      [&](auto* value) {
        using T = std::remove_pointer_t<decltype(value)>;
        if constexpr (std::is_same_v<T, int> || std::is_same_v<T, double>) {
          *value = scaled_value(*value, factor, field);
        } else if constexpr (std::is_same_v<T, std::vector<int>>) {
          for (int& element : *value) element = scaled_value(element, factor, field);
          // lengths that met at the floor are one length
          value->erase(std::unique(value->begin(), value->end()), value->end());
        }
      },
      field.in(plan));
}

}  // namespace

bool Plan::wants(std::string_view test_id) const {
  return only.empty() || std::find(only.begin(), only.end(), test_id) != only.end();
}

std::span<const std::string_view> known_tests() { return kTests; }
std::span<const std::string_view> known_dialects() { return kDialects; }
std::span<const std::string_view> known_task_families() { return kTaskFamilies; }
std::span<const std::string_view> built_in_suites() { return kSuites; }

base::Result<Plan> scaled(Plan plan, double factor) {
  if (!(factor > 0 && factor <= kFactorMax))
    return base::fail(base::ErrorCode::Usage, "scale must be above 0 and at most {}, is {}", kFactorMax,
                      factor);
  if (factor == 1) return plan;
  for (const Field& field : fields())
    if (field.scale_floor) scale_field(field, plan, factor);
  plan.scale *= factor;
  MOESTRESS_TRY_STATUS(validate(plan));
  return plan;
}

base::Status validate(const Plan& plan) {
  Plan copy = plan;
  for (const Field& field : fields())
    if (const std::string wrong = complaint(field, copy); !wrong.empty())
      return base::fail(base::ErrorCode::Usage, "{} {}", full_name(field), wrong);
  for (const Check& check : plan.checks)
    if (const auto parsed = parse_expectation(check.expect); !parsed)
      return base::fail(base::ErrorCode::Usage, "the check \"{}\", column {}: {}",
                        base::printable(check.expect, 100), parsed.error().column, parsed.error().text);
  if (const auto found = contradiction(plan))
    return base::fail(base::ErrorCode::Usage, "{}: {}", full_name(*found->field), found->text);
  return {};
}

}  // namespace moestress::plan

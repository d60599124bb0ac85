#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plan/plan.h"

namespace moestress::plan {

/// Where in a Plan a key's value lies.
using FieldPointer = std::variant<int*, double*, std::uint64_t*, std::string*, std::vector<int>*,
                                  std::vector<double>*, std::vector<std::string>*>;

/// One key of a plan. Reading, writing, checking and scaling all go through the table of these, so that a new
/// size is one line here and one in plan.h.
struct Field {
  std::string_view table;  ///< "", "target", "tests", "thresholds" or "prompts"
  std::string_view key;
  FieldPointer (*in)(Plan& plan);
  double low = 0;                                    ///< of a number, or of each element
  double high = 0;                                   ///< inclusive
  std::optional<double> scale_floor = std::nullopt;  ///< scales, and not below this; absent: does not scale
  std::size_t elements_min = 0;                      ///< of a list of numbers, which must also ascend
};

std::span<const Field> fields();

/// What is wrong with a field's value by itself: "must lie in 1..64, is 0". Empty: nothing.
std::string complaint(const Field& field, Plan& plan);

/// "tests.generation_prompts"
std::string full_name(const Field& field);

/// What is wrong with a plan whose fields are all right by themselves.
struct Contradiction {
  const Field* field = nullptr;  ///< the one to point at
  std::string text;
};
std::optional<Contradiction> contradiction(const Plan& plan);

}  // namespace moestress::plan

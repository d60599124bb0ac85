#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "report/report_input.h"

namespace moestress::report {

/// The version of docs/result.schema.json that result_json follows.
inline constexpr int kResultVersion = 1;

/// The run's result as docs/result.schema.json has it. Keys in the schema's order; text is valid UTF-8; a
/// figure that is not finite is null, and null is never written for 0.
nlohmann::ordered_json result_json(const ReportInput& input);

/// result_json as a file holds it: indented, ending with a newline.
std::string result_json_text(const ReportInput& input);

/// A figure, or null where it is absent or not finite: JSON has no NaN.
nlohmann::ordered_json json_number(std::optional<double> value);
/// Text with ill-formed UTF-8 replaced.
std::string json_text(std::string_view text);
/// A stored JSON object parsed; an empty object where `text` is none, is too large or nests too deep.
nlohmann::ordered_json json_object(const std::string& text);

}  // namespace moestress::report

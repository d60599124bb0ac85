// TOML to a Plan and back; the only file that knows toml++.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <type_traits>

#include "base/text.h"
#include "plan/check.h"
#include "plan/fields.h"
#include "plan/plan.h"

namespace moestress::plan {
namespace {

using base::ErrorCode;

constexpr std::size_t kFileBytesMax = 1u << 20;
constexpr std::string_view kDefaultBase = "standard";

struct Reader {
  const std::string& source;
  Plan& plan;
  std::set<const Field*> seen;

  auto wrong(const toml::node& node, const std::string& text) const {
    return base::fail(ErrorCode::Usage, "{}:{}: {}", source, node.source().begin.line, text);
  }
};

const char* type_name(const FieldPointer& pointer) {
  return std::visit(
      [](auto* value) {
        using T = std::remove_pointer_t<decltype(value)>;
        if constexpr (std::is_integral_v<T>) return "a whole number";
        if constexpr (std::is_same_v<T, double>) return "a number";
        if constexpr (std::is_same_v<T, std::string>) return "a string";
        if constexpr (std::is_same_v<T, std::vector<int>>) return "a list of whole numbers";
        if constexpr (std::is_same_v<T, std::vector<double>>) return "a list of numbers";
        return "a list of strings";
      },
      pointer);
}

bool convert(const toml::node& node, double& out) {
  if (!node.is_number()) return false;
  out = *node.value<double>();
  return true;
}
bool convert(const toml::node& node, std::string& out) {
  if (!node.is_string()) return false;
  out = *node.value_exact<std::string>();
  return true;
}
template <class T>
std::enable_if_t<std::is_integral_v<T>, bool> convert(const toml::node& node, T& out) {
  if (!node.is_integer()) return false;
  // Out of T's range is left as the nearest that fits: every field's own range is narrower and refuses it.
  const auto value = *node.value_exact<std::int64_t>();
  if constexpr (std::is_signed_v<T>)
    out = static_cast<T>(
        std::clamp<std::int64_t>(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  else
    out = static_cast<T>(value);  // a negative one becomes a huge one
  return true;
}
template <class T>
bool convert(const toml::node& node, std::vector<T>& out) {
  const toml::array* array = node.as_array();
  if (array == nullptr) return false;
  out.clear();
  for (const toml::node& element : *array) {
    T value{};
    if (!convert(element, value)) return false;
    out.push_back(std::move(value));
  }
  return true;
}

base::Status read_field(Reader& reader, const Field& field, const toml::node& node) {
  const FieldPointer pointer = field.in(reader.plan);
  const bool fits = std::visit([&](auto* value) { return convert(node, *value); }, pointer);
  if (!fits) return reader.wrong(node, fmt::format("{} must be {}", full_name(field), type_name(pointer)));
  if (const std::string text = complaint(field, reader.plan); !text.empty())
    return reader.wrong(node, fmt::format("{} {}", full_name(field), text));
  reader.seen.insert(&field);
  return {};
}

/// `table` is "" for the root, whose sub-tables are read by the caller.
base::Status read_table(Reader& reader, std::string_view table, const toml::table& node,
                        const std::vector<std::string>& other_keys) {
  std::vector<std::string> known = other_keys;
  for (const Field& field : fields())
    if (field.table == table) known.emplace_back(field.key);
  for (const auto& [key, value] : node) {
    const std::string_view name = key.str();
    if (std::find(other_keys.begin(), other_keys.end(), name) != other_keys.end()) continue;
    const auto found = std::find_if(fields().begin(), fields().end(), [&](const Field& field) {
      return field.table == table && field.key == name;
    });
    if (found != fields().end()) {
      MOESTRESS_TRY_STATUS(read_field(reader, *found, value));
      continue;
    }
    const std::string nearest = base::nearest_name(name, known);
    return base::fail(ErrorCode::Usage, "{}:{}: unknown key \"{}\"{}{}", reader.source,
                      key.source().begin.line, base::printable(name, 60),
                      table.empty() ? "" : fmt::format(" in [{}]", table),
                      nearest.empty() ? fmt::format("; known: {}", fmt::join(known, ", "))
                                      : fmt::format(", did you mean \"{}\"?", nearest));
  }
  return {};
}

/// One table of [[checks]].
base::Status read_check(Reader& reader, const toml::table& node) {
  Check check;
  for (const auto& [key, value] : node) {
    const std::string_view name = key.str();
    if (name == "expect") {
      if (!convert(value, check.expect)) return reader.wrong(value, "checks.expect must be a string");
      // Where an error is: the value begins with its quote. Escapes before it would move it.
      if (const auto parsed = parse_expectation(check.expect); !parsed)
        return base::fail(ErrorCode::Usage, "{}:{}:{}: {}", reader.source, value.source().begin.line,
                          value.source().begin.column + parsed.error().column, parsed.error().text);
    } else if (name == "abort_on_fail") {
      if (!value.is_boolean()) return reader.wrong(value, "checks.abort_on_fail must be true or false");
      check.abort_on_fail = *value.value_exact<bool>();
    } else {
      const std::string nearest = base::nearest_name(name, {"expect", "abort_on_fail"});
      return base::fail(ErrorCode::Usage, "{}:{}: unknown key \"{}\" in [[checks]]{}", reader.source,
                        key.source().begin.line, base::printable(name, 60),
                        nearest.empty() ? "; known: expect, abort_on_fail"
                                        : fmt::format(", did you mean \"{}\"?", nearest));
    }
  }
  if (check.expect.empty())
    return reader.wrong(node, "a check without expect = \"…\", e.g. \"ttft_ms p(95) < 500\"");
  reader.plan.checks.push_back(std::move(check));
  return {};
}

base::Status read_checks(Reader& reader, const toml::node& node) {
  const toml::array* list = node.as_array();
  reader.plan.checks.clear();
  if (list == nullptr) return reader.wrong(node, "checks must be tables, each written as [[checks]]");
  for (const toml::node& one : *list) {
    if (!one.is_table()) return reader.wrong(one, "checks must be tables, each written as [[checks]]");
    MOESTRESS_TRY_STATUS(read_check(reader, *one.as_table()));
  }
  return {};
}

base::Result<toml::table> parse_toml(std::string_view text, const std::string& source) {
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    return base::fail(ErrorCode::Format, "{}:{}: {}", source, error.source().begin.line,
                      base::printable(error.description()));
  }
}

base::Status read_all(Reader& reader, const toml::table& root) {
  const std::vector<std::string> other_keys{"extends", "target", "tests", "thresholds", "prompts", "checks"};
  MOESTRESS_TRY_STATUS(read_table(reader, "", root, other_keys));
  for (const std::string& name : other_keys) {
    const toml::node* node = root.get(name);
    if (node == nullptr || name == "extends") continue;
    if (name == "checks") {
      MOESTRESS_TRY_STATUS(read_checks(reader, *node));
      continue;
    }
    if (!node->is_table())
      return reader.wrong(*node, fmt::format("{} must be a table, written as [{}]", name, name));
    MOESTRESS_TRY_STATUS(read_table(reader, name, *node->as_table(), {}));
  }
  if (const auto found = contradiction(reader.plan)) {
    const toml::table* table = root[found->field->table].as_table();
    const toml::node* node = table != nullptr ? table->get(found->field->key) : nullptr;
    return reader.wrong(node != nullptr ? *node : root, found->text);
  }
  return {};
}

/// Makes the names of prompt files absolute, so that plan.toml names the same files wherever it is read.
void anchor_prompt_files(Plan& plan, const std::string& plan_path) {
  std::error_code ignored;
  const auto folder = std::filesystem::absolute(plan_path, ignored).parent_path();
  for (const Field& field : fields()) {
    if (field.table != "prompts") continue;
    std::string& name = *std::get<std::string*>(field.in(plan));
    if (!name.empty()) name = (folder / name).lexically_normal().string();
  }
}

/// A basic string; what text_complaint lets through needs no more escapes than these.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string literal(const std::string& value) { return quoted(value); }
std::string literal(int value) { return fmt::to_string(value); }
std::string literal(std::uint64_t value) { return fmt::to_string(value); }
/// The shortest text that reads back as the same number; TOML tells 5 from 5.0.
std::string literal(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}
template <class T>
std::string literal(const std::vector<T>& list) {
  std::vector<std::string> parts;
  parts.reserve(list.size());
  for (const T& element : list) parts.push_back(literal(element));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

}  // namespace

base::Result<Plan> built_in_suite(std::string_view name) {
  const std::string_view text = suite_text(name);
  if (text.empty()) {
    const auto known = built_in_suites();
    const std::string nearest = base::nearest_name(name, {known.begin(), known.end()});
    return base::fail(ErrorCode::Usage, "unknown suite \"{}\"{}; known: {}", base::printable(name, 60),
                      nearest.empty() ? "" : fmt::format(", did you mean \"{}\"?", nearest),
                      fmt::join(known, ", "));
  }
  const std::string source = fmt::format("built-in suite {}", name);
  MOESTRESS_TRY(const toml::table root, parse_toml(text, source));
  Plan plan;
  Reader reader{source, plan, {}};
  MOESTRESS_TRY_STATUS(read_all(reader, root));
  // A suite leaves nothing out: it is what other plans fall back to.
  for (const Field& field : fields())
    if (!reader.seen.contains(&field))
      return base::fail(ErrorCode::Internal, "{}: {} is missing", source, full_name(field));
  return plan;
}

base::Result<Plan> parse_plan(std::string_view text, const std::string& source) {
  MOESTRESS_TRY(const toml::table root, parse_toml(text, source));
  std::string base_name(kDefaultBase);
  if (const toml::node* extends = root.get("extends")) {
    if (!convert(*extends, base_name))
      return base::fail(ErrorCode::Usage, "{}:{}: extends must be a string", source,
                        extends->source().begin.line);
  }
  auto base_plan = built_in_suite(base_name);
  if (!base_plan)
    return base::within(fmt::format("{}:{}", source, root.get("extends")->source().begin.line),
                        std::move(base_plan.error()));
  Plan plan = std::move(*base_plan);
  plan.suite = "custom";
  Reader reader{source, plan, {}};
  MOESTRESS_TRY_STATUS(read_all(reader, root));
  return plan;
}

base::Result<Plan> load_plan(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return base::fail(ErrorCode::Io, "{}: cannot be opened; name a suite ({}) or an existing plan file", path,
                      fmt::join(built_in_suites(), ", "));
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return base::fail(ErrorCode::Io, "{}: cannot be read", path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytesMax)
    return base::fail(ErrorCode::Io, "{}: over {} bytes, which no plan needs", path, kFileBytesMax);
  MOESTRESS_TRY(Plan plan, parse_plan(text, path));
  anchor_prompt_files(plan, path);
  return plan;
}

std::string to_toml(const Plan& plan) {
  Plan copy = plan;
  std::string out;
  std::string_view table;
  for (const Field& field : fields()) {
    if (field.table != table) {
      table = field.table;
      out += fmt::format("\n[{}]\n", table);
    }
    const std::string value = std::visit([](auto* pointer) { return literal(*pointer); }, field.in(copy));
    out += fmt::format("{} = {}\n", field.key, value);
  }
  for (const Check& check : plan.checks)
    out += fmt::format("\n[[checks]]\nexpect = {}\nabort_on_fail = {}\n", literal(check.expect),
                       check.abort_on_fail);
  return out;
}

}  // namespace moestress::plan

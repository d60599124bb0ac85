#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "workload/tasks.h"

namespace moestress::workload {

/// An argument or a result of a function that a task asks for.
struct Value {
  enum class Kind : std::uint8_t { Number, Text, List } kind;
  std::int64_t number = 0;
  std::string text = {};
  std::vector<std::int64_t> list = {};

  Value(std::int64_t value) : kind(Kind::Number), number(value) {}                      // NOLINT: implicit
  Value(std::string value) : kind(Kind::Text), text(std::move(value)) {}                // NOLINT
  Value(std::vector<std::int64_t> value) : kind(Kind::List), list(std::move(value)) {}  // NOLINT
  bool operator==(const Value&) const = default;
};

/// A function that tasks of Code and Debugging ask for. It has a number K (and J = K + 2, and the K-th letter
/// L) drawn for each task, so that a few functions make many tasks.
struct FunctionSpec {
  std::string_view name;  ///< "count-above"; the function is count_above
  int difficulty;
  int k_min;
  int k_max;
  std::string_view python_signature;  ///< "count_above(numbers)"
  std::string_view cpp_signature;
  std::string_view description;  ///< what it returns, with {K}, {J} and {L}
  /// Arguments that every right function of the name must be held against; those that a mutant gets wrong
  /// are among the first, for any K.
  std::vector<std::vector<Value>> (*arguments)(std::int64_t k, base::Random& random);
  Value (*result)(std::int64_t k, const std::vector<Value>& arguments);
};

std::span<const FunctionSpec> function_specs();

std::string function_name(const FunctionSpec& spec);
/// `text` with the numbers and the letter that K gives filled in.
std::string with_k(std::string_view text, std::int64_t k);
/// The right function, with K filled in (programs/python.txt, programs/cpp.txt).
std::string function_text(const FunctionSpec& spec, Language language, std::int64_t k);
/// Every text that differs from it in one place by a rule: a comparison turned or its boundary moved, + for
/// −, and for or, min for max, a start at 1 for 0, … None of them is right.
std::vector<std::string> mutants(const FunctionSpec& spec, Language language, std::int64_t k);
/// Tests of a function that is to do what the specification says.
CodeCheck make_check(const FunctionSpec& spec, Language language, std::int64_t k, base::Random& random);

/// As the language writes it: 12, "abc", [1, 2] or std::vector<int>{1, 2}.
std::string literal(const Value& value, Language language);

}  // namespace moestress::workload

#include "workload/programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>

namespace moestress::workload {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const FunctionSpec& spec_named(std::string_view name) {
  for (const FunctionSpec& spec : function_specs())
    if (spec.name == name) return spec;
  throw std::out_of_range(std::string(name));
}

Value result_of(std::string_view name, std::int64_t k, const std::vector<Value>& arguments) {
  return spec_named(name).result(k, arguments);
}

std::vector<std::int64_t> list(std::initializer_list<std::int64_t> numbers) { return numbers; }

TEST(Programs, ResultsAreAsDescribed) {
  EXPECT_EQ(result_of("sum-multiples", 3, {std::int64_t{10}}), Value(std::int64_t{18}));
  EXPECT_EQ(result_of("digit-sum", 10, {std::int64_t{1234}}), Value(std::int64_t{10}));
  EXPECT_EQ(result_of("longest-run", 5, {list({5, 6, 4, 7, 8, 9})}), Value(std::int64_t{3}));
  EXPECT_EQ(result_of("shift-letters", 2, {std::string("Yz a!")}), Value(std::string("Yb c!")));
  EXPECT_EQ(result_of("count-primes", 3, {std::int64_t{11}}), Value(std::int64_t{3}));
  EXPECT_EQ(result_of("run-lengths", 2, {std::string("aaabcc")}), Value(std::string("a3c2")));
  EXPECT_EQ(result_of("window-sum", 2, {list({1, 5, -3, 4})}), Value(std::int64_t{6}));
  EXPECT_EQ(result_of("fewest-coins", 5, {std::int64_t{12}}), Value(std::int64_t{2}));
  EXPECT_EQ(result_of("longest-rising", 2, {list({1, 2, 3, 0, 5})}), Value(std::int64_t{3}));
  EXPECT_EQ(result_of("edit-cost", 4, {std::string("abc"), std::string("axc")}), Value(std::int64_t{6}));
}

TEST(Programs, EveryFunctionHasAProgramInBothLanguagesAndMutants) {
  for (const FunctionSpec& spec : function_specs())
    for (const Language language : {Language::Python, Language::Cpp}) {
      const std::string text = function_text(spec, language, spec.k_min);
      EXPECT_THAT(text, HasSubstr(function_name(spec) + "("));
      EXPECT_THAT(text, Not(HasSubstr("keep")));
      EXPECT_THAT(text, Not(HasSubstr("{K}")));
      const auto all = mutants(spec, language, spec.k_min);
      EXPECT_FALSE(all.empty()) << spec.name;
      const std::set<std::string> different(all.begin(), all.end());
      EXPECT_EQ(different.size(), all.size()) << spec.name;
      EXPECT_THAT(all, Not(Contains(text)));
      for (const auto& mutant : all) EXPECT_THAT(mutant, Not(HasSubstr("keep")));
    }
}

TEST(Programs, ThereAreSomeOfEachDifficulty) {
  std::map<int, int> count;
  for (const FunctionSpec& spec : function_specs()) ++count[spec.difficulty];
  for (int difficulty = 1; difficulty <= kDifficultyMax; ++difficulty) EXPECT_GE(count[difficulty], 3);
}

TEST(Programs, LiteralsAreThoseOfTheLanguage) {
  EXPECT_EQ(literal(std::int64_t{-3}, Language::Cpp), "-3");
  EXPECT_EQ(literal(std::string("ab"), Language::Python), "\"ab\"");
  EXPECT_EQ(literal(std::string("ab"), Language::Cpp), "std::string(\"ab\")");
  EXPECT_EQ(literal(list({1, 2}), Language::Python), "[1, 2]");
  EXPECT_EQ(literal(list({}), Language::Cpp), "std::vector<int>{}");
}

}  // namespace
}  // namespace moestress::workload

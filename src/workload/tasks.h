#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moestress::workload {

enum class TaskFamily : std::uint8_t {
  Arithmetic,  ///< word problems of several steps
  Knights,     ///< knights tell the truth, knaves lie
  Ordering,    ///< who comes where, from comparisons
  Zebra,       ///< who lives where with what
  Sequence,    ///< the next number
  Dates,
  Code,       ///< a function from its specification
  Debugging,  ///< a function with one fault, to be mended
};

inline constexpr std::array kTaskFamilies{TaskFamily::Arithmetic, TaskFamily::Knights,  TaskFamily::Ordering,
                                          TaskFamily::Zebra,      TaskFamily::Sequence, TaskFamily::Dates,
                                          TaskFamily::Code,       TaskFamily::Debugging};

const char* to_string(TaskFamily family);  ///< "arithmetic", …
std::optional<TaskFamily> task_family_from(std::string_view name);

enum class AnswerForm : std::uint8_t { Integer, Choice, Code };
const char* to_string(AnswerForm form);  ///< "integer", "choice", "code"

enum class Language : std::uint8_t { Python, Cpp };
const char* to_string(Language language);  ///< "Python", "C++"

/// A program to run: it passes where it ends well and `expected_line` is a line of its output. Nothing that
/// is asked tells that line, so a program that ends early does not pass.
struct Program {
  struct File {
    std::string name;
    std::string text;
  };
  Language language = Language::Python;
  std::vector<File> files;  ///< the first is the one to start
  std::string expected_line;
};

/// How code is held against its specification.
struct CodeCheck {
  Language language = Language::Python;
  std::string function;  ///< that the code must define
  std::string tests;     ///< a program that imports or includes the code
  std::string expected_line;
};

struct Task {
  std::string id;  ///< "knights-2-0003": family, difficulty, number
  TaskFamily family = TaskFamily::Arithmetic;
  int difficulty = 1;
  std::string prompt;  ///< says in which form to answer
  AnswerForm form = AnswerForm::Integer;
  std::string answer;                ///< the one that is right; of Code one of those that are
  std::vector<std::string> choices;  ///< of Choice: what may be answered
  double chance = 0;                 ///< share of right answers that guessing gives; 0 where there is no list
  std::optional<CodeCheck> check;    ///< of Code
};

inline constexpr int kDifficultyMax = 5;

/// `count` tasks of a family, difficulty 1 (a step or two) to 5. Every one has exactly one answer, found or
/// confirmed by a program that tries them all where it is a puzzle. No prompt comes twice unless so many
/// differ not. The same seed gives the same, and more of them begin with the fewer.
std::vector<Task> make_tasks(TaskFamily family, int difficulty, std::size_t count, std::uint64_t seed);

}  // namespace moestress::workload

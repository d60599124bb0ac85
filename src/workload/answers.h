#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "workload/tasks.h"

namespace moestress::workload {

enum class Grade : std::uint8_t {
  Right,
  Wrong,
  Unanswered,  ///< no answer of the task's form is in the reply
};
const char* to_string(Grade grade);  ///< "right", "wrong", "unanswered"

/// The answer in a reply, as it counts: what follows the last "answer" ("Answer: 12", "The answer is 12"),
/// else in the last \boxed{}, else the last number or the last of the choices that is named. Empty where
/// there is none; of Code it is the code (code_in). Of a long reply the last kReplyLimit bytes are looked at.
std::string answer_in(const Task& task, std::string_view reply);
inline constexpr std::size_t kReplyLimit = std::size_t{1} << 18;

/// Grades a reply to a task whose form is Integer or Choice. Code has to be run: see program_for.
Grade grade(const Task& task, std::string_view reply);

/// The code in a reply: the last fenced block that names `function`, an open one running to the end; without
/// fences from the first line that looks like code to the last. Empty where the name does not occur.
std::string code_in(std::string_view reply, std::string_view function, Language language);

/// The program that tells whether the code in a reply is right; absent where there is none. The task's form
/// is Code.
std::optional<Program> program_for(const Task& task, std::string_view reply);

/// Whether `text` names `word` (letters of any case) with no letter or digit beside it.
bool names(std::string_view text, std::string_view word);

}  // namespace moestress::workload

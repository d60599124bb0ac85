#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "workload/tasks.h"

namespace moestress::workload {

// One file each: task_<family>.cc. They fill everything but id, family and difficulty.
Task arithmetic_task(int difficulty, base::Random& random);
Task knights_task(int difficulty, base::Random& random);
Task ordering_task(int difficulty, base::Random& random);
Task zebra_task(int difficulty, base::Random& random);
Task sequence_task(int difficulty, base::Random& random);
Task dates_task(int difficulty, base::Random& random);
Task code_task(int difficulty, Language language, base::Random& random);
Task debugging_task(int difficulty, Language language, base::Random& random);

/// Uniform in [low, high].
int between(base::Random& random, int low, int high);
/// `count` different names of people.
std::vector<std::string> draw_names(std::size_t count, base::Random& random);

/// Ends the prompt with the form of the answer.
Task integer_task(const std::string& question, std::int64_t answer);
Task choice_task(const std::string& question, std::string answer, std::vector<std::string> choices);

}  // namespace moestress::workload

// A function from its specification, held against tests that the prompt does not show.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "workload/programs.h"
#include "workload/task_families.h"

namespace moestress::workload {

namespace {

const FunctionSpec& draw_spec(int difficulty, base::Random& random) {
  std::vector<const FunctionSpec*> fitting;
  for (const FunctionSpec& spec : function_specs())
    if (spec.difficulty == difficulty) fitting.push_back(&spec);
  return *fitting[random.below(fitting.size())];
}

Task with_check(const FunctionSpec& spec, Language language, std::int64_t k, std::string prompt,
                base::Random& random) {
  Task task;
  task.form = AnswerForm::Code;
  task.prompt = std::move(prompt);
  task.answer = function_text(spec, language, k);
  task.check = make_check(spec, language, k, random);
  return task;
}

}  // namespace

Task code_task(int difficulty, Language language, base::Random& random) {
  const FunctionSpec& spec = draw_spec(difficulty, random);
  const std::int64_t k = between(random, spec.k_min, spec.k_max);
  const std::string_view signature =
      language == Language::Python ? spec.python_signature : spec.cpp_signature;
  return with_check(spec, language, k,
                    fmt::format("Write the {} function `{}` that {}. Answer with the code only.",
                                to_string(language), signature, with_k(spec.description, k)),
                    random);
}

Task debugging_task(int difficulty, Language language, base::Random& random) {
  const FunctionSpec& spec = draw_spec(difficulty, random);
  const std::int64_t k = between(random, spec.k_min, spec.k_max);
  const auto faulty = mutants(spec, language, k);
  return with_check(
      spec, language, k,
      fmt::format("This {} function {}, or it should: there is one mistake in it. Answer with the corrected "
                  "code only.\n```{}\n{}```",
                  to_string(language), with_k(spec.description, k),
                  language == Language::Python ? "python" : "cpp", faulty[random.below(faulty.size())]),
      random);
}

}  // namespace moestress::workload

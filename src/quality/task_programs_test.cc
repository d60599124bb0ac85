// Every program that tasks of code and debugging rest on passes its tests, and every mutant of it fails them:
// run in the sandbox, where that and the language are there.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "quality/sandbox.h"
#include "workload/answers.h"
#include "workload/programs.h"

namespace moestress::quality {
namespace {

using workload::FunctionSpec;
using workload::Language;

struct Case {
  std::string what;
  workload::Program program;
  bool sound;
};

void add_cases(const FunctionSpec& spec, Language language, std::int64_t k, std::uint64_t seed,
               std::vector<Case>& cases) {
  base::Random random(seed);
  workload::Task task;
  task.form = workload::AnswerForm::Code;
  task.check = workload::make_check(spec, language, k, random);
  const auto add = [&](const std::string& text, bool sound) {
    cases.push_back({fmt::format("K = {}\n{}", k, text),
                     workload::program_for(task, fmt::format("```\n{}```", text)).value(), sound});
  };
  add(workload::function_text(spec, language, k), true);
  for (const auto& mutant : workload::mutants(spec, language, k)) add(mutant, false);
}

class TaskPrograms : public testing::TestWithParam<Language> {
 protected:
  /// Runs all of them, as many at once as there are CPUs.
  static void run_all(const Sandbox& sandbox, const std::vector<Case>& cases) {
    std::vector<base::Result<RunReport>> reports(cases.size(), RunReport{});
    std::atomic<std::size_t> next{0};
    {
      std::vector<std::jthread> threads;
      for (unsigned i = 0; i < std::max(2U, std::thread::hardware_concurrency()); ++i)
        threads.emplace_back([&] {
          for (std::size_t one = next++; one < cases.size(); one = next++)
            reports[one] = sandbox.run(cases[one].program);
        });
    }
    for (std::size_t i = 0; i < cases.size(); ++i) {
      ASSERT_TRUE(reports[i]) << reports[i].error().message;
      EXPECT_EQ(reports[i]->verdict == RunVerdict::Passed, cases[i].sound)
          << cases[i].what << reports[i]->detail << "\n"
          << reports[i]->output;
      // A mutant that doesn't compile would be no bug to look for.
      EXPECT_NE(reports[i]->verdict, RunVerdict::CompileFailed) << cases[i].what << reports[i]->output;
    }
  }
};

TEST_P(TaskPrograms, PassAndTheirMutantsFail) {
  SandboxLimits limits;
  limits.cpu_seconds = 1;
  const auto sandbox = Sandbox::open(limits);
  if (!sandbox) GTEST_SKIP() << sandbox.error().message;
  if (const auto there = sandbox->supports(GetParam()); !there) GTEST_SKIP() << there.error().message;
  std::vector<Case> cases;
  // C++ takes half a second for each; the tests of both languages are the same.
  const int rounds = GetParam() == Language::Python ? 3 : 1;
  for (const FunctionSpec& spec : workload::function_specs())
    for (int round = 0; round < rounds; ++round) {
      base::Random random(static_cast<std::uint64_t>(round) + 17);
      const std::int64_t k = round == 0 ? spec.k_min
                             : round == 1
                                 ? spec.k_max
                                 : spec.k_min + static_cast<std::int64_t>(random.below(
                                                    static_cast<std::uint64_t>(spec.k_max - spec.k_min + 1)));
      add_cases(spec, GetParam(), k, static_cast<std::uint64_t>(round), cases);
    }
  run_all(*sandbox, cases);
}

INSTANTIATE_TEST_SUITE_P(Languages, TaskPrograms, testing::Values(Language::Python, Language::Cpp),
                         [](const auto& info) { return info.param == Language::Python ? "Python" : "Cpp"; });

}  // namespace
}  // namespace moestress::quality

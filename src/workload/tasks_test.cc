#include "workload/tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "workload/answers.h"

namespace moestress::workload {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Tasks, OfEveryFamilyAndDifficultyAreComplete) {
  for (const TaskFamily family : kTaskFamilies)
    for (int difficulty = 1; difficulty <= kDifficultyMax; ++difficulty) {
      std::set<std::string> ids;
      for (const Task& task : make_tasks(family, difficulty, 6, 5)) {
        EXPECT_TRUE(ids.insert(task.id).second);
        EXPECT_EQ(task.family, family);
        EXPECT_EQ(task.difficulty, difficulty);
        EXPECT_FALSE(task.answer.empty()) << task.id;
        EXPECT_TRUE(base::is_valid_utf8(task.prompt));
        EXPECT_LT(task.prompt.size(), 2000u) << task.id;
        EXPECT_THAT(task.prompt, testing::Not(HasSubstr("{K}")));
        if (task.form == AnswerForm::Choice) {
          EXPECT_THAT(task.choices, Contains(task.answer)) << task.id;
          EXPECT_DOUBLE_EQ(task.chance, 1.0 / static_cast<double>(task.choices.size()));
          EXPECT_THAT(task.prompt, HasSubstr(task.answer)) << task.id;
        }
        EXPECT_EQ(task.check.has_value(), task.form == AnswerForm::Code);
        if (task.form != AnswerForm::Code) {
          EXPECT_EQ(grade(task, "So we get this. Answer: " + task.answer), Grade::Right) << task.id;
          EXPECT_EQ(grade(task, task.answer), Grade::Right) << task.id;
        }
      }
    }
}

TEST(Tasks, TheSameSeedGivesTheSameAndMoreBeginWithFewer) {
  for (const TaskFamily family : kTaskFamilies) {
    const auto few = make_tasks(family, 3, 4, 11), many = make_tasks(family, 3, 9, 11);
    const auto others = make_tasks(family, 3, 4, 12);
    int same = 0;
    for (std::size_t i = 0; i < few.size(); ++i) {
      EXPECT_EQ(few[i].prompt, many[i].prompt);
      EXPECT_EQ(few[i].answer, many[i].answer);
      ASSERT_EQ(few[i].check.has_value(), many[i].check.has_value());
      EXPECT_EQ(few[i].check ? few[i].check->tests : "", many[i].check ? many[i].check->tests : "");
      same += few[i].prompt == others[i].prompt ? 1 : 0;
    }
    EXPECT_LT(same, 4) << to_string(family);
  }
}

TEST(Tasks, OfTheFullSuiteAllDiffer) {
  for (const TaskFamily family : kTaskFamilies) {
    std::set<std::string> prompts;
    for (const Task& task : make_tasks(family, 2, 40, 1)) prompts.insert(task.prompt);
    EXPECT_EQ(prompts.size(), 40u) << to_string(family);
  }
}

TEST(Tasks, BothAnswersOfAChoiceComeUp) {
  for (const TaskFamily family : {TaskFamily::Knights, TaskFamily::Ordering, TaskFamily::Zebra,
                                  TaskFamily::Sequence, TaskFamily::Dates}) {
    int first = 0, all = 0;
    for (const Task& task : make_tasks(family, 1, 60, 3)) {
      ASSERT_EQ(task.choices.size(), 2u);
      first += task.answer == task.choices[0] ? 1 : 0;
      ++all;
    }
    EXPECT_GT(first, all / 5) << to_string(family);
    EXPECT_LT(first, all * 4 / 5) << to_string(family);
  }
}

TEST(Tasks, LanguagesTakeTurns) {
  const auto code = make_tasks(TaskFamily::Code, 2, 4, 1),
             debugging = make_tasks(TaskFamily::Debugging, 2, 4, 1);
  EXPECT_EQ(code[0].check->language, Language::Python);
  EXPECT_EQ(code[1].check->language, Language::Cpp);
  EXPECT_EQ(debugging[0].check->language, Language::Cpp);
  EXPECT_EQ(debugging[1].check->language, Language::Python);
}

TEST(Tasks, NamesAreFoundAgain) {
  for (const TaskFamily family : kTaskFamilies) EXPECT_EQ(task_family_from(to_string(family)), family);
  EXPECT_FALSE(task_family_from("riddles"));
}

}  // namespace
}  // namespace moestress::workload

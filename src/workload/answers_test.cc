#include "workload/answers.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "workload/task_families.h"

namespace moestress::workload {
namespace {

std::string integer(std::string_view reply) { return answer_in(integer_task("How many?", 12), reply); }

TEST(Answers, TheNumberAfterTheLastAnswerCounts) {
  EXPECT_EQ(integer("Answer: 12"), "12");
  EXPECT_EQ(integer("answer:12"), "12");
  EXPECT_EQ(integer("First 3, then 4.\n**Answer:** 12 apples, not 13"), "12");
  EXPECT_EQ(integer("Answer: 4. No, wait. Answer: 12."), "12");
  EXPECT_EQ(integer("The answer is:\n\n12"), "12");
  EXPECT_EQ(integer("Answer: 5 + 7 = 12"), "12");
  EXPECT_EQ(integer("So the number is 12. That is my answer"), "12");
  EXPECT_EQ(integer("Answer: $12$"), "12");
  EXPECT_EQ(integer("so \\boxed{12} of 13"), "12");
}

TEST(Answers, WithoutTheWordTheLastNumberCounts) {
  EXPECT_EQ(integer("7 and 5 make 12"), "12");
  EXPECT_EQ(integer("12"), "12");
  EXPECT_EQ(integer("twelve"), "");
  EXPECT_EQ(integer(""), "");
}

TEST(Answers, NumbersAreReadAsPeopleWriteThem) {
  EXPECT_EQ(integer("1,234,567 coins"), "1234567");
  EXPECT_EQ(integer("-12"), "-12");
  EXPECT_EQ(integer("20-12"), "12");
  EXPECT_EQ(integer("12.00"), "12");
  EXPECT_EQ(integer("12.50"), "");
  EXPECT_EQ(integer("it is 12."), "12");
  EXPECT_EQ(integer("0012"), "12");
  EXPECT_EQ(integer("-0"), "0");
  EXPECT_EQ(integer("1, 2, 3"), "3");
  EXPECT_EQ(integer("99999999999999999999999999"), "") << "too long to be an answer";
}

TEST(Answers, AChoiceIsNamedAsAWholeWord) {
  const Task task = choice_task("Is Ann a knight or a knave?", "knight", {"knight", "knave"});
  EXPECT_EQ(grade(task, "Answer: knight"), Grade::Right);
  EXPECT_EQ(grade(task, "ANSWER: **Knight**"), Grade::Right);
  EXPECT_EQ(grade(task, "Answer: knave, not a knight"), Grade::Wrong);
  EXPECT_EQ(grade(task, "She can't be a knave, so she is a knight"), Grade::Right);
  EXPECT_EQ(grade(task, "knighthood"), Grade::Unanswered);
  EXPECT_EQ(grade(task, "Answer: knight or knave"), Grade::Unanswered);
  EXPECT_EQ(grade(task, "Knight or knave? A knight."), Grade::Right);
  EXPECT_EQ(grade(task, "I don't know."), Grade::Unanswered);
}

TEST(Answers, TheLastFencedBlockWithTheFunctionIsTheCode) {
  const std::string reply =
      "First:\n```python\ndef f(n):\n    return 1\n```\nBetter:\n```python\ndef f(n):\n    return "
      "2\n```\nUse:\n```\ng()\n```";
  EXPECT_EQ(code_in(reply, "f", Language::Python), "def f(n):\n    return 2\n");
  EXPECT_EQ(code_in("```python\ndef f(n):\n    return", "f", Language::Python), "def f(n):\n    return\n");
}

TEST(Answers, CodeWithoutFencesIsFound) {
  EXPECT_EQ(code_in("Here it is:\n\ndef f(n):\n    return 2\n\nThis returns 2.", "f", Language::Python),
            "def f(n):\n    return 2\n\n");
  EXPECT_EQ(code_in("Sure!\nint f(int n) {\n  return 2;\n}\nIt returns 2.", "f", Language::Cpp),
            "int f(int n) {\n  return 2;\n}\n");
  EXPECT_EQ(code_in("I can't do that.", "f", Language::Python), "");
  EXPECT_EQ(code_in("def g(n):\n    return 2", "f_of", Language::Python), "");
}

TEST(Answers, AProgramHasItsTestsFirst) {
  const auto tasks = make_tasks(TaskFamily::Code, 1, 2, 1);
  for (const Task& task : tasks) {
    const auto program = program_for(task, "```\n" + task.answer + "```");
    ASSERT_TRUE(program);
    ASSERT_EQ(program->files.size(), 2u);
    EXPECT_NE(program->files[0].text.find(program->expected_line), std::string::npos);
    EXPECT_EQ(program->files[1].text, task.answer);
    EXPECT_FALSE(program_for(task, "no code"));
    EXPECT_EQ(task.prompt.find(program->expected_line), std::string::npos);
  }
}

TEST(Answers, AnyBytesAreGradedWithoutHarm) {
  std::vector<Task> tasks;
  for (const TaskFamily family : kTaskFamilies)
    for (auto& task : make_tasks(family, 1, 2, 7)) tasks.push_back(std::move(task));
  const std::string pieces[] = {"answer",   "Answer:",
                                "-",        ",",
                                ".",        "12",
                                "\\boxed{", "}",
                                "```",      "\n",
                                "def ",     "=",
                                "knight",   std::string(1, '\0'),
                                "\xff\xfe", "999999999999999999999999",
                                "(",        "#include"};
  base::Random random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string reply;
    for (std::uint64_t i = random.below(12); i > 0; --i) reply += pieces[random.below(std::size(pieces))];
    for (const Task& task : tasks) {
      if (task.form == AnswerForm::Code) {
        program_for(task, reply);
      } else {
        grade(task, reply);
      }
    }
  }
  for (const Task& task : tasks) answer_in(task, std::string(3 << 20, '7'));
}

}  // namespace
}  // namespace moestress::workload

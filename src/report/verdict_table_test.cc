#include "report/verdict_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "report/plain_text.h"
#include "report/report_testing.h"

namespace moestress::report {
namespace {

using testing::HasSubstr;
using testing::Not;

ReportInput one_model() {
  ReportInput input = small_input();
  input.models.resize(1);
  return input;
}

int widest(const std::string& table) {
  std::istringstream lines(table);
  std::string line;
  int width = 0;
  while (std::getline(lines, line))
    if (!line.starts_with("report ")) width = std::max(width, display_width(line));
  return width;
}

TEST(VerdictTable, IsAsTheGoldenFiles) {
  expect_golden("table-one-80.txt", verdict_table(one_model(), false, 80));
  expect_golden("table-one-120.txt", verdict_table(one_model(), false, 120));
  expect_golden("table-two-80.txt", verdict_table(small_input(), false, 80));
  expect_golden("table-two-120.txt", verdict_table(small_input(), false, 120));
}

TEST(VerdictTable, KeepsItsWidth) {
  ReportInput many = small_input();
  for (int i = 0; i < 5; ++i) many.models.push_back(many.models[1]);
  many.models[2].id = "日本語のモデル-とても長い名前-8x7b";
  many.models[3].criteria[0].reason = std::string(500, 'x') + " 日本語 " + std::string(90, 'y');
  many.cut_off =
      "after test 2.2 (concurrency): the run has no end, so it is still going or its process was killed";
  for (const int width : {60, 80, 97, 100, 120, 200}) {
    EXPECT_LE(widest(verdict_table(many, false, width)), width);
    EXPECT_LE(widest(verdict_table(one_model(), false, width)), width);
  }
  EXPECT_LE(widest(verdict_table(one_model(), false, 1)), 60) << "less than 60 columns are not supported";
}

TEST(VerdictTable, ColourIsAnAdditionOnly) {
  const std::string plain = verdict_table(small_input(), false, 100);
  std::string colored = verdict_table(small_input(), true, 100);
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  EXPECT_THAT(colored, HasSubstr("\x1b[1;31m"));
  for (std::size_t at; (at = colored.find('\x1b')) != std::string::npos;)
    colored.erase(at, colored.find('m', at) - at + 1);
  EXPECT_EQ(colored, plain);
}

TEST(VerdictTable, HostileTextStaysText) {
  ReportInput input = one_model();
  input.run.id = "\x1b]0;owned\x07";
  input.models[0].id = "\xE2\x80\xAEgnp";
  input.models[0].criteria[1].reason =
      "first\nsecond\r\x1b[2J\xC2\x9B"
      "1A \xFF";
  const std::string table = verdict_table(input, false, 100);
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_THAT(table, Not(HasSubstr("\r")));
  EXPECT_THAT(table, Not(HasSubstr("\xE2\x80\xAE")));
  EXPECT_THAT(table, HasSubstr("first second\\x0d\\x1b[2J\\x9b1A"));
}

TEST(VerdictTable, SaysWhatIsMissing) {
  ReportInput input;
  input.report_path = "runs/x/report.html";
  EXPECT_THAT(verdict_table(input, false, 80), HasSubstr("no model was tested"));
  EXPECT_THAT(verdict_table(input, false, 80),
              HasSubstr("verdict  – SKIPPED\nreport   runs/x/report.html\n"));
  input.models.push_back({});
  EXPECT_THAT(verdict_table(input, false, 80), HasSubstr("no criterion was decided"));
  EXPECT_THAT(verdict_table(input, false, 80), HasSubstr("none finished"));
}

}  // namespace
}  // namespace moestress::report

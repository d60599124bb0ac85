#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "workload/task_families.h"

namespace moestress::workload {
namespace {

constexpr const char* kWeekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                     "Thursday", "Friday", "Saturday"};
constexpr const char* kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                   "July",    "August",   "September", "October", "November", "December"};

/// Days since 1 March of year 0, by Zeller's way of counting: another one than the generator's.
int day_number(int day, int month, int year) {
  if (month < 3) {
    month += 12;
    --year;
  }
  return 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day;
}

struct Date {
  int number;
  int day;
};

std::vector<Date> dates_in(const std::string& text) {
  std::vector<Date> found;
  const std::regex pattern("(\\d+) ([A-Z][a-z]+) (\\d{4})");
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
    const auto month =
        std::find(std::begin(kMonths), std::end(kMonths), (*it)[2].str()) - std::begin(kMonths);
    found.push_back({day_number(std::stoi((*it)[1]), static_cast<int>(month) + 1, std::stoi((*it)[3])),
                     std::stoi((*it)[1])});
  }
  return found;
}

/// 1 March 0000 was a Wednesday.
std::string weekday(int number) { return kWeekdays[(number + 2) % 7]; }

TEST(DateTasks, WeekdaysAreRight) {
  ASSERT_EQ(weekday(day_number(1, 1, 2000)), "Saturday");
  ASSERT_EQ(weekday(day_number(29, 2, 2024)), "Thursday");
  base::Random random(4);
  for (int i = 0; i < 200; ++i) {
    const Task task = dates_task(4, random);
    const auto dates = dates_in(task.prompt);
    ASSERT_EQ(dates.size(), 2u) << task.prompt;
    EXPECT_THAT(task.prompt, testing::HasSubstr(" is a " + weekday(dates[0].number)));
    EXPECT_EQ(task.answer, weekday(dates[1].number)) << task.prompt;
  }
}

TEST(DateTasks, DaysBetweenAreRight) {
  base::Random random(5);
  for (int i = 0; i < 200; ++i) {
    const Task task = dates_task(5, random);
    const auto dates = dates_in(task.prompt);
    ASSERT_EQ(dates.size(), 2u) << task.prompt;
    EXPECT_EQ(std::stoi(task.answer), dates[1].number - dates[0].number) << task.prompt;
  }
}

TEST(DateTasks, SomeDaysLaterIsRight) {
  base::Random random(6);
  for (int i = 0; i < 200; ++i) {
    const Task task = dates_task(3, random);
    const auto dates = dates_in(task.prompt);
    ASSERT_EQ(dates.size(), 1u) << task.prompt;
    std::smatch more;
    ASSERT_TRUE(std::regex_search(task.prompt, more, std::regex("is it (\\d+) days")));
    // The day of the month after so many days: found by trying the days about it.
    const int wanted = dates[0].number + std::stoi(more[1]);
    bool found = false;
    for (int year = 1989; year < 2042; ++year)
      for (int month = 1; month <= 12; ++month)
        found = found || day_number(std::stoi(task.answer), month, year) == wanted;
    EXPECT_TRUE(found) << task.prompt << " " << task.answer;
  }
}

TEST(DateTasks, TomorrowIsTheNextWeekday) {
  base::Random random(7);
  for (int i = 0; i < 100; ++i) {
    const Task task = dates_task(1 + i % 2, random);
    std::smatch words;
    ASSERT_TRUE(std::regex_search(task.prompt, words, std::regex("Today is (\\w+)\\. .* in (\\d+) day")));
    const auto today =
        std::find(std::begin(kWeekdays), std::end(kWeekdays), words[1].str()) - std::begin(kWeekdays);
    EXPECT_EQ(task.answer, kWeekdays[(today + std::stoi(words[2])) % 7]) << task.prompt;
  }
}

}  // namespace
}  // namespace moestress::workload

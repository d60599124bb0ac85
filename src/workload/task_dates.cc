// Dates of the Gregorian calendar.
#include <fmt/format.h>

#include <array>
#include <chrono>

#include "workload/task_families.h"

namespace moestress::workload {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::array kMonths{"January", "February", "March",     "April",   "May",      "June",
                             "July",    "August",   "September", "October", "November", "December"};

std::vector<std::string> weekdays() {
  return {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
}

std::string weekday_of(sys_days day) { return weekdays()[std::chrono::weekday(day).iso_encoding() - 1]; }

sys_days first_of(int year) { return sys_days(std::chrono::year(year) / 1 / 1); }

/// A day of the years 1990 to 2039.
sys_days draw_day(base::Random& random) {
  return first_of(1990) +
         days(between(random, 0, static_cast<int>((first_of(2040) - first_of(1990)).count()) - 1));
}

std::string text_of(sys_days day) {
  const year_month_day date(day);
  return fmt::format("{} {} {}", static_cast<unsigned>(date.day()),
                     kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()));
}

/// The easiest: one of two.
Task weekday_soon(base::Random& random) {
  const sys_days day = draw_day(random);
  const int more = between(random, 1, 3);
  const std::string answer = weekday_of(day + days(more));
  std::vector<std::string> choices{answer, weekday_of(day + days(more + between(random, 1, 6)))};
  random.shuffle(choices);
  return choice_task(fmt::format("Today is {}. Which day of the week is it in {} {}: {} or {}?",
                                 weekday_of(day), more, more == 1 ? "day" : "days", choices[0], choices[1]),
                     answer, choices);
}

Task weekday_after(int low, int high, base::Random& random) {
  const sys_days day = draw_day(random);
  const int more = between(random, low, high);
  return choice_task(fmt::format("Today is {}. Which day of the week is it in {} {}?", weekday_of(day), more,
                                 more == 1 ? "day" : "days"),
                     weekday_of(day + days(more)), weekdays());
}

Task day_of_month_after(int low, int high, base::Random& random) {
  const sys_days day = draw_day(random);
  const int more = between(random, low, high);
  const year_month_day date(day + days(more));
  return integer_task(fmt::format("Which day of the month is it {} days after {}?", more, text_of(day)),
                      static_cast<unsigned>(date.day()));
}

Task weekday_of_another(base::Random& random) {
  const sys_days day = draw_day(random);
  const sys_days other = day + days(between(random, 20, 300));
  return choice_task(
      fmt::format("{} is a {}. Which day of the week is {}?", text_of(day), weekday_of(day), text_of(other)),
      weekday_of(other), weekdays());
}

Task days_between(base::Random& random) {
  const sys_days day = draw_day(random);
  const int more = between(random, 400, 3000);
  return integer_task(fmt::format("How many days after {} is {}?", text_of(day), text_of(day + days(more))),
                      more);
}

}  // namespace

Task dates_task(int difficulty, base::Random& random) {
  switch (difficulty) {
    case 1:
      return weekday_soon(random);
    case 2:
      return weekday_after(7, 40, random);
    case 3:
      return day_of_month_after(10, 60, random);
    case 4:
      return weekday_of_another(random);
    default:
      return days_between(random);
  }
}

}  // namespace moestress::workload

// Who comes where in a row, from comparisons. All orders are tried: exactly one agrees with what is said.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "workload/task_families.h"

namespace moestress::workload {
namespace {

struct Theme {
  const char* before;  ///< "Ann … Bob": Ann comes first
  const char* first;   ///< "Who …?"
  const char* nth;     ///< with the ordinal for {}
  const char* behind;  ///< "Exactly two of them …": what those who come before X do
};
constexpr std::array kThemes{
    Theme{"is older than", "is the oldest", "is the {} oldest", "are older than"},
    Theme{"is taller than", "is the tallest", "is the {} tallest", "are taller than"},
    Theme{"is faster than", "is the fastest", "is the {} fastest", "are faster than"},
    Theme{"has more money than", "has the most money", "has the {} most money", "have more money than"}};
constexpr std::array kOrdinals{"first", "second", "third", "fourth", "fifth", "sixth"};
constexpr std::array kCounts{"none", "one", "two", "three", "four", "five"};
constexpr std::array kPeople{3, 3, 4, 5, 6};  // by difficulty

/// place[i]: of person i, 0 is first.
using Order = std::vector<int>;

struct Clue {
  int a;
  int b;  ///< a comes before b; or -1, then a has `place`
  int place = 0;

  bool holds(const Order& order) const {
    const int at = order[static_cast<std::size_t>(a)];
    return b < 0 ? at == place : at < order[static_cast<std::size_t>(b)];
  }
};

std::size_t solutions(int people, const std::vector<Clue>& clues) {
  Order order(static_cast<std::size_t>(people));
  std::iota(order.begin(), order.end(), 0);
  std::size_t found = 0;
  do {
    found += std::all_of(clues.begin(), clues.end(), [&](const Clue& clue) { return clue.holds(order); });
  } while (std::next_permutation(order.begin(), order.end()));
  return found;
}

Clue draw_clue(int people, const Order& order, bool with_places, base::Random& random) {
  const int a = between(random, 0, people - 1);
  const int place = order[static_cast<std::size_t>(a)];
  if (with_places && place > 1 && random.below(4) == 0) return {a, -1, place};
  const int b = (a + between(random, 1, people - 1)) % people;
  return place < order[static_cast<std::size_t>(b)] ? Clue{a, b} : Clue{b, a};
}

/// True clues until one order is left, then without those that are not needed.
std::vector<Clue> draw_clues(int people, const Order& order, bool with_places, base::Random& random) {
  std::vector<Clue> clues;
  while (solutions(people, clues) != 1) clues.push_back(draw_clue(people, order, with_places, random));
  for (std::size_t i = clues.size(); i-- > 0;) {
    std::vector<Clue> fewer = clues;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (solutions(people, fewer) == 1) clues = std::move(fewer);
  }
  CHECK(solutions(people, clues) == 1);
  return clues;
}

}  // namespace

Task ordering_task(int difficulty, base::Random& random) {
  const int people = kPeople[static_cast<std::size_t>(difficulty) - 1];
  const auto names = draw_names(static_cast<std::size_t>(people), random);
  const Theme& theme = kThemes[random.below(kThemes.size())];
  Order order(static_cast<std::size_t>(people));
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(order);

  std::string text;
  for (const Clue& clue : draw_clues(people, order, difficulty >= 4, random)) {
    const std::string& a = names[static_cast<std::size_t>(clue.a)];
    text += clue.b < 0 ? fmt::format("Exactly {} of them {} {}. ",
                                     kCounts[static_cast<std::size_t>(clue.place)], theme.behind, a)
                       : fmt::format("{} {} {}. ", a, theme.before, names[static_cast<std::size_t>(clue.b)]);
  }
  const auto at = [&](int place) {
    return names[static_cast<std::size_t>(std::find(order.begin(), order.end(), place) - order.begin())];
  };
  if (difficulty == 1) {  // one of two: the ends of the row
    std::vector<std::string> ends{at(0), at(2)};
    random.shuffle(ends);
    return choice_task(fmt::format("{}Who {}: {} or {}?", text, theme.first, ends[0], ends[1]), at(0), ends);
  }
  const int asked = difficulty == 2 ? 0 : between(random, 0, people - 1);
  const std::string ordinal = kOrdinals[static_cast<std::size_t>(asked)];
  const std::string question = asked == 0 ? theme.first : fmt::format(fmt::runtime(theme.nth), ordinal);
  std::string among = difficulty >= 4 ? "There are no others. " : "";
  return choice_task(fmt::format("{}{}Who {}?", text, among, question), at(asked), names);
}

}  // namespace moestress::workload

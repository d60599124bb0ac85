// Zebra puzzles: who lives where with what. All ways to live are listed, and true clues added until one is
// left.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "workload/task_families.h"

namespace moestress::workload {
namespace {

struct Size {
  int houses;
  int categories;
};
constexpr std::array kSizes{Size{2, 2}, Size{3, 2}, Size{3, 3}, Size{4, 3}, Size{4, 4}};  // by difficulty

constexpr std::array kPets{"cat", "dog", "horse", "parrot"};
constexpr std::array kColours{"red", "blue", "green", "white"};
constexpr std::array kDrinks{"tea", "coffee", "milk", "juice"};

/// Someone or something: an item of a category. Category 0 are the people.
struct Item {
  int category;
  int number;
};

/// house[c][i]: where item i of category c is.
using Houses = std::array<std::array<std::int8_t, 4>, 4>;

int house_of(const Houses& houses, Item item) {
  return houses[static_cast<std::size_t>(item.category)][static_cast<std::size_t>(item.number)];
}

struct Clue {
  enum Kind { Same, NotSame, InHouse, NotInHouse, LeftOf, NextTo } kind;
  Item a, b;
  int house;

  bool holds(const Houses& houses) const {
    const int at = house_of(houses, a);
    switch (kind) {
      case Same:
        return at == house_of(houses, b);
      case NotSame:
        return at != house_of(houses, b);
      case InHouse:
        return at == house;
      case NotInHouse:
        return at != house;
      case LeftOf:
        return at + 1 == house_of(houses, b);
      case NextTo:
        return std::abs(at - house_of(houses, b)) == 1;
    }
    return false;
  }
};

/// Appends to `all` what `partial` can become with the categories from `category` on.
void list_from(int category, const Size& size, Houses& partial, std::vector<Houses>& all) {
  if (category == size.categories) {
    all.push_back(partial);
    return;
  }
  auto& row = partial[static_cast<std::size_t>(category)];
  std::iota(row.begin(), row.begin() + size.houses, static_cast<std::int8_t>(0));
  do {
    list_from(category + 1, size, partial, all);
  } while (std::next_permutation(row.begin(), row.begin() + size.houses));
}

std::vector<Houses> all_houses(const Size& size) {
  std::vector<Houses> all;
  Houses partial{};
  list_from(0, size, partial, all);
  return all;
}

/// How many of `all` agree with the clues but the one left out (-1: none is).
std::size_t solutions(const std::vector<Houses>& all, const std::vector<Clue>& clues,
                      std::ptrdiff_t without) {
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Houses& houses) {
    for (std::size_t i = 0; i < clues.size(); ++i)
      if (static_cast<std::ptrdiff_t>(i) != without && !clues[i].holds(houses)) return false;
    return true;
  }));
}

Clue draw_true_clue(const Size& size, const Houses& truth, base::Random& random) {
  while (true) {
    Clue clue{static_cast<Clue::Kind>(between(random, 0, 5)),
              {between(random, 0, size.categories - 1), between(random, 0, size.houses - 1)},
              {between(random, 0, size.categories - 1), between(random, 0, size.houses - 1)},
              between(random, 0, size.houses - 1)};
    const bool of_two = clue.kind == Clue::Same || clue.kind == Clue::NotSame;
    if (of_two && clue.a.category >= clue.b.category) continue;  // else it says nothing, or says it twice
    // In a row of two everybody is next to the other.
    if (size.houses == 2 && (clue.kind == Clue::NextTo || clue.kind == Clue::NotInHouse)) continue;
    if (clue.holds(truth)) return clue;
  }
}

std::vector<Clue> draw_clues(const Size& size, const std::vector<Houses>& all, const Houses& truth,
                             base::Random& random) {
  std::vector<Clue> clues;
  std::vector<Houses> left = all;
  while (left.size() > 1) {
    const Clue clue = draw_true_clue(size, truth, random);
    const std::size_t before = left.size();
    std::erase_if(left, [&](const Houses& houses) { return !clue.holds(houses); });
    if (left.size() < before) clues.push_back(clue);
  }
  for (std::size_t i = clues.size(); i-- > 0;)
    if (solutions(all, clues, static_cast<std::ptrdiff_t>(i)) == 1)
      clues.erase(clues.begin() + static_cast<std::ptrdiff_t>(i));
  CHECK(solutions(all, clues, -1) == 1);
  return clues;
}

std::string phrase(Item item, const std::vector<std::string>& names) {
  const auto number = static_cast<std::size_t>(item.number);
  switch (item.category) {
    case 0:
      return names[number];
    case 1:
      return fmt::format("the owner of the {}", kPets[number]);
    case 2:
      return fmt::format("the owner of the {} house", kColours[number]);
    default:
      return fmt::format("the one who drinks {}", kDrinks[number]);
  }
}

std::string text_of(const Clue& clue, const std::vector<std::string>& names) {
  const std::string a = phrase(clue.a, names), b = phrase(clue.b, names);
  switch (clue.kind) {
    case Clue::Same:
      return fmt::format("{} is {}.", a, b);
    case Clue::NotSame:
      return fmt::format("{} is not {}.", a, b);
    case Clue::InHouse:
      return fmt::format("{} lives in house {}.", a, clue.house + 1);
    case Clue::NotInHouse:
      return fmt::format("{} does not live in house {}.", a, clue.house + 1);
    case Clue::LeftOf:
      return fmt::format("{} lives directly to the left of {}.", a, b);
    case Clue::NextTo:
      return fmt::format("{} lives next to {}.", a, b);
  }
  return "";
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace

Task zebra_task(int difficulty, base::Random& random) {
  const Size size = kSizes[static_cast<std::size_t>(difficulty) - 1];
  const auto names = draw_names(static_cast<std::size_t>(size.houses), random);
  const std::vector<Houses> all = all_houses(size);
  const Houses truth = all[random.below(all.size())];

  std::string text =
      fmt::format("{} people live in a row of houses, 1 to {} from left to right. Each has another pet",
                  size.houses, size.houses);
  if (size.categories > 2) text += ", each house another colour";
  if (size.categories > 3) text += ", each of them another drink";
  text += ".";
  for (const Clue& clue : draw_clues(size, all, truth, random))
    text += " " + capitalised(text_of(clue, names));

  const Item asked{between(random, 1, size.categories - 1), between(random, 0, size.houses - 1)};
  std::size_t owner = 0;
  while (house_of(truth, {0, static_cast<int>(owner)}) != house_of(truth, asked)) ++owner;
  return choice_task(fmt::format("{} Who is {}?", text, phrase(asked, names)), names[owner], names);
}

}  // namespace moestress::workload

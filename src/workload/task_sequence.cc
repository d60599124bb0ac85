// The next number of a sequence made by one rule.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <string>
#include <vector>

#include "workload/task_families.h"

namespace moestress::workload {
namespace {

using Numbers = std::vector<std::int64_t>;

Numbers by_difference(std::int64_t first, std::int64_t difference, std::size_t count) {
  Numbers numbers{first};
  while (numbers.size() < count) numbers.push_back(numbers.back() + difference);
  return numbers;
}

/// Each is `factor` times the one before, plus `more`.
Numbers by_factor(std::int64_t first, std::int64_t factor, std::int64_t more, std::size_t count) {
  Numbers numbers{first};
  while (numbers.size() < count) numbers.push_back(factor * numbers.back() + more);
  return numbers;
}

/// The differences grow by `growth`.
Numbers by_growing_difference(std::int64_t first, std::int64_t difference, std::int64_t growth,
                              std::size_t count) {
  Numbers numbers{first};
  for (; numbers.size() < count; difference += growth) numbers.push_back(numbers.back() + difference);
  return numbers;
}

/// Each is the sum of the two before, plus `more`.
Numbers by_sum(std::int64_t first, std::int64_t second, std::int64_t more, std::size_t count) {
  Numbers numbers{first, second};
  while (numbers.size() < count) numbers.push_back(numbers.back() + numbers[numbers.size() - 2] + more);
  return numbers;
}

Numbers in_turn(const Numbers& a, const Numbers& b) {
  Numbers numbers;
  for (std::size_t i = 0; i < a.size(); ++i) {
    numbers.push_back(a[i]);
    if (i < b.size()) numbers.push_back(b[i]);
  }
  return numbers;
}

/// The last one is asked for.
Numbers draw(int difficulty, base::Random& random) {
  const bool second_kind = random.below(2) == 0;
  switch (difficulty) {
    case 1:
      return by_difference(between(random, 1, 20), between(random, 1, 10), 6);
    case 2:
      if (second_kind) return by_difference(between(random, 60, 99), -between(random, 3, 9), 6);
      return by_factor(between(random, 1, 5), between(random, 2, 3), 0, 6);
    case 3:
      if (second_kind) return by_sum(between(random, 1, 6), between(random, 1, 9), 0, 7);
      return by_growing_difference(between(random, 1, 20), between(random, 1, 6), between(random, 1, 5), 6);
    case 4:
      if (second_kind) return by_sum(between(random, 1, 6), between(random, 1, 9), between(random, 1, 5), 7);
      return by_factor(between(random, 1, 6), between(random, 2, 3), between(random, 1, 9), 6);
    default:
      break;
  }
  const Numbers a = by_difference(between(random, 1, 20), between(random, 2, 9), 5);
  if (second_kind) return in_turn(a, by_factor(between(random, 1, 4), 2, between(random, 0, 5), 4));
  return in_turn(
      a, by_growing_difference(between(random, 1, 20), between(random, 1, 6), between(random, 1, 5), 4));
}

}  // namespace

Task sequence_task(int difficulty, base::Random& random) {
  const Numbers numbers = draw(difficulty, random);
  if (difficulty == 1) {  // one of two
    std::vector<std::string> choices{std::to_string(numbers.back()),
                                     std::to_string(numbers.back() + between(random, 1, 9))};
    const std::string answer = choices.front();
    random.shuffle(choices);
    return choice_task(
        fmt::format("Count on: {}. Which number comes next: {} or {}?",
                    fmt::join(numbers.begin(), numbers.end() - 1, ", "), choices[0], choices[1]),
        answer, choices);
  }
  return integer_task(fmt::format("One rule makes this sequence: {}. Which number comes next?",
                                  fmt::join(numbers.begin(), numbers.end() - 1, ", ")),
                      numbers.back());
}

}  // namespace moestress::workload

// Knights always tell the truth, knaves always lie: who is which? All ways to be are tried, and puzzles with
// more or fewer than one solution are thrown away.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <vector>

#include "base/check.h"
#include "workload/task_families.h"

namespace moestress::workload {
namespace {

/// Bit i: person i is a knight.
using Kinds = unsigned;

bool is_knight(Kinds kinds, int person) { return (kinds >> person & 1U) != 0; }

struct Statement {
  enum Kind { IsKnight, IsKnave, SameKind, DifferentKind, Either, Neither } kind;
  int speaker;  ///< -1: it is simply so
  int a, b;

  bool holds(Kinds kinds) const {
    const bool first = is_knight(kinds, a), second = is_knight(kinds, b);
    switch (kind) {
      case IsKnight:
        return first;
      case IsKnave:
        return !first;
      case SameKind:
        return first == second;
      case DifferentKind:
        return first != second;
      case Either:
        return first || second;
      case Neither:
        return !first && !second;
    }
    return false;
  }

  bool agrees(Kinds kinds) const {
    return speaker < 0 ? holds(kinds) : holds(kinds) == is_knight(kinds, speaker);
  }

  std::string text(const std::vector<std::string>& people) const {
    const auto& first = people[static_cast<std::size_t>(a)];
    const auto& second = people[static_cast<std::size_t>(b)];
    std::string said;
    switch (kind) {
      case IsKnight:
        said = fmt::format("{} is a knight.", first);
        break;
      case IsKnave:
        said = fmt::format("{} is a knave.", first);
        break;
      case SameKind:
        said = fmt::format("{} and {} are of the same kind.", first, second);
        break;
      case DifferentKind:
        said = fmt::format("{} and {} are of different kinds.", first, second);
        break;
      case Either:
        said = fmt::format("At least one of {} and {} is a knight.", first, second);
        break;
      case Neither:
        said = fmt::format("Both {} and {} are knaves.", first, second);
        break;
    }
    if (speaker < 0) return said;
    return fmt::format("{} says: \"{}\"", people[static_cast<std::size_t>(speaker)], said);
  }
};

std::vector<Kinds> solutions(int people, const std::vector<Statement>& statements) {
  std::vector<Kinds> found;
  for (Kinds kinds = 0; kinds < 1U << people; ++kinds) {
    bool agrees = true;
    for (const Statement& statement : statements) agrees = agrees && statement.agrees(kinds);
    if (agrees) found.push_back(kinds);
  }
  return found;
}

Statement draw_statement(int people, int speaker, bool compound, base::Random& random) {
  const auto kind = static_cast<Statement::Kind>(between(random, 0, compound ? 5 : 1));
  int a = between(random, 0, people - 1);
  if (kind <= Statement::IsKnave && a == speaker) a = (a + 1) % people;  // nobody talks of themselves
  const int b = (a + between(random, 1, people - 1)) % people;
  return {kind, speaker, a, b};
}

/// The easiest: one person's kind is given, and that person speaks of the other.
std::vector<Statement> given_and_said(base::Random& random) {
  const auto given = random.below(2) == 0 ? Statement::IsKnight : Statement::IsKnave;
  const auto said = random.below(2) == 0 ? Statement::IsKnight : Statement::IsKnave;
  return {{given, -1, 0, 1}, {said, 0, 1, 0}};
}

}  // namespace

Task knights_task(int difficulty, base::Random& random) {
  const int people = difficulty == 1 ? 2 : difficulty;
  const auto names = draw_names(static_cast<std::size_t>(people), random);
  std::vector<Statement> statements;
  std::vector<Kinds> found;
  while (found.size() != 1) {  // about every third draw has one
    statements.clear();
    if (difficulty == 1) statements = given_and_said(random);
    if (difficulty > 1)
      for (int speaker = 0; speaker < people; ++speaker)
        statements.push_back(draw_statement(people, speaker, true, random));
    found = solutions(people, statements);
  }
  std::string text = "Knights always tell the truth, knaves always lie.";
  for (const Statement& statement : statements) text += " " + statement.text(names);
  if (difficulty >= 4)
    return integer_task(fmt::format("{} Each of {} is a knight or a knave. How many knights are there?", text,
                                    fmt::join(names, ", ")),
                        std::popcount(found.front()));
  const int asked = difficulty == 1 ? 1 : between(random, 0, people - 1);
  return choice_task(
      fmt::format("{} Is {} a knight or a knave?", text, names[static_cast<std::size_t>(asked)]),
      is_knight(found.front(), asked) ? "knight" : "knave", {"knight", "knave"});
}

}  // namespace moestress::workload

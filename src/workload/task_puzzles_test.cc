// The puzzles solved anew from their words, by other ways than the generators': every one has one solution,
// and it is the answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <regex>
#include <set>

#include "workload/task_families.h"

namespace moestress::workload {
namespace {

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex expression(pattern);
  for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it)
    found.push_back(it->str());
  return found;
}

bool says(const std::string& said, const std::map<std::string, bool>& knight) {
  std::smatch m;
  if (std::regex_search(said, m, std::regex("Both (\\w+) and (\\w+) are knaves")))
    return !knight.at(m[1]) && !knight.at(m[2]);
  if (std::regex_search(said, m, std::regex("At least one of (\\w+) and (\\w+) is a knight")))
    return knight.at(m[1]) || knight.at(m[2]);
  if (std::regex_search(said, m, std::regex("(\\w+) and (\\w+) are of the same kind")))
    return knight.at(m[1]) == knight.at(m[2]);
  if (std::regex_search(said, m, std::regex("(\\w+) and (\\w+) are of different kinds")))
    return knight.at(m[1]) != knight.at(m[2]);
  EXPECT_TRUE(std::regex_search(said, m, std::regex("(\\w+) is a (knight|knave)"))) << said;
  return knight.at(m[1]) == (m[2] == "knight");
}

/// The answers that the solutions of a puzzle give.
std::vector<std::string> knights_answers(const std::string& text) {
  const auto quoted = matches(text, "\\w+ says: \"[^\"]+\"");
  std::string rest = std::regex_replace(text, std::regex("\\w+ says: \"[^\"]+\""), "");
  const auto given = matches(rest, "[A-Z]\\w+ is a (knight|knave)\\.");
  std::set<std::string> people;
  for (const auto& name : matches(text, "\\b(Ann|Bob|Carl|Dora|Eve|Finn|Gina|Hugo|Ida|Jack|Kate|Leo)\\b"))
    people.insert(name);
  const std::vector<std::string> names(people.begin(), people.end());
  std::vector<std::string> answers;
  for (unsigned bits = 0; bits < 1U << names.size(); ++bits) {
    std::map<std::string, bool> knight;
    int knights = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      knight[names[i]] = (bits >> i & 1U) != 0;
      knights += knight[names[i]] ? 1 : 0;
    }
    bool fits = true;
    for (const auto& one : given) fits = fits && says(one, knight);
    for (const auto& one : quoted)
      fits = fits && says(one.substr(one.find('"')), knight) == knight.at(one.substr(0, one.find(' ')));
    std::smatch asked;
    if (!fits) continue;
    if (std::regex_search(text, asked, std::regex("Is (\\w+) a knight or a knave\\?")))
      answers.push_back(knight.at(asked[1]) ? "knight" : "knave");
    else
      answers.push_back(std::to_string(knights));
  }
  return answers;
}

TEST(KnightsTasks, HaveOneSolutionAndItIsTheAnswer) {
  base::Random random(1);
  for (int difficulty = 1; difficulty <= 5; ++difficulty)
    for (int i = 0; i < 20; ++i) {
      const Task task = knights_task(difficulty, random);
      EXPECT_EQ(knights_answers(task.prompt), std::vector<std::string>{task.answer}) << task.prompt;
    }
}

/// Every order of the people that agrees with the words, first one first.
std::vector<std::vector<std::string>> orders(const std::string& text, std::vector<std::string> names) {
  const std::map<std::string, int> counts{{"two", 2}, {"three", 3}, {"four", 4}, {"five", 5}};
  std::vector<std::pair<std::string, std::string>> before;
  std::vector<std::pair<std::string, int>> places;
  const std::regex compared("([A-Z]\\w+) (?:is \\w+ than|has more money than) ([A-Z]\\w+)\\.");
  for (std::sregex_iterator it(text.begin(), text.end(), compared), end; it != end; ++it)
    before.emplace_back((*it)[1], (*it)[2]);
  const std::regex behind("Exactly (\\w+) of them (?:are|have) [a-z ]+ than ([A-Z]\\w+)\\.");
  for (std::sregex_iterator it(text.begin(), text.end(), behind), end; it != end; ++it)
    places.emplace_back((*it)[2], counts.at((*it)[1]));
  std::vector<std::vector<std::string>> found;
  std::sort(names.begin(), names.end());
  do {
    const auto place = [&](const std::string& name) {
      return std::find(names.begin(), names.end(), name) - names.begin();
    };
    if (std::all_of(before.begin(), before.end(),
                    [&](const auto& two) { return place(two.first) < place(two.second); }) &&
        std::all_of(places.begin(), places.end(),
                    [&](const auto& one) { return place(one.first) == one.second; }))
      found.push_back(names);
  } while (std::next_permutation(names.begin(), names.end()));
  return found;
}

TEST(OrderingTasks, HaveOneSolutionAndItIsTheAnswer) {
  base::Random random(2);
  const std::vector<std::string> ordinals{"second", "third", "fourth", "fifth", "sixth"};
  for (int difficulty = 1; difficulty <= 5; ++difficulty)
    for (int i = 0; i < 40; ++i) {
      const Task task = ordering_task(difficulty, random);
      std::set<std::string> people;
      for (const auto& name :
           matches(task.prompt, "\\b(Ann|Bob|Carl|Dora|Eve|Finn|Gina|Hugo|Ida|Jack|Kate|Leo)\\b"))
        people.insert(name);
      const auto found = orders(task.prompt, {people.begin(), people.end()});
      ASSERT_EQ(found.size(), 1u) << task.prompt;
      std::size_t asked = 0;
      const std::string question = task.prompt.substr(task.prompt.find("Who "));
      for (std::size_t place = 0; place < ordinals.size(); ++place)
        if (question.find(" " + ordinals[place] + " ") != std::string::npos) asked = place + 1;
      EXPECT_EQ(task.answer, found.front()[asked]) << task.prompt;
    }
}

const std::vector<std::vector<std::string>> kThings{
    {"cat", "dog", "horse", "parrot"}, {"red", "blue", "green", "white"}, {"tea", "coffee", "milk", "juice"}};

/// A clue as it is written: what is at which place beside what, or in which house.
struct ZebraClue {
  std::size_t kind;
  std::size_t a;
  std::size_t b;  ///< or a house
};

/// All that a puzzle's words say; a and b are places in `items`: the people, then the things of each group.
struct ZebraText {
  std::vector<std::vector<std::string>> groups;
  std::vector<std::string> items;
  std::vector<ZebraClue> clues;
  std::size_t asked = 0;

  explicit ZebraText(const Task& task) : groups{task.choices} {
    for (const auto& things : kThings) {
      const std::vector<std::string> some(things.begin(),
                                          things.begin() + static_cast<std::ptrdiff_t>(task.choices.size()));
      if (std::any_of(some.begin(), some.end(),
                      [&](const auto& one) { return task.prompt.find(" " + one) != std::string::npos; }))
        groups.push_back(some);
    }
    for (const auto& group : groups) items.insert(items.end(), group.begin(), group.end());
    const std::string who = "((?:[Tt]he owner of the |[Tt]he one who drinks )?\\w+(?: house)?)";
    const std::vector<std::string> kinds{who + " lives in house (\\d)\\.",
                                         who + " does not live in house (\\d)\\.",
                                         who + " lives directly to the left of " + who + "\\.",
                                         who + " lives next to " + who + "\\.",
                                         who + " is not " + who + "\\.",
                                         who + " is " + who + "\\."};
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
      const std::regex expression(kinds[kind]);
      for (std::sregex_iterator it(task.prompt.begin(), task.prompt.end(), expression), end; it != end; ++it)
        clues.push_back({kind, place((*it)[1]), kind < 2 ? std::stoul((*it)[2]) - 1 : place((*it)[2])});
    }
    std::smatch question;
    EXPECT_TRUE(std::regex_search(task.prompt, question, std::regex("Who is (the [a-z ]+)\\?")));
    asked = place(question[1]);
  }

  std::size_t place(const std::string& phrase) const {
    for (std::size_t i = 0; i < items.size(); ++i)
      if (std::regex_search(phrase, std::regex("\\b" + items[i] + "\\b"))) return i;
    ADD_FAILURE() << phrase;
    return 0;
  }

  bool holds(const std::vector<int>& house) const {
    return std::all_of(clues.begin(), clues.end(), [&](const ZebraClue& clue) {
      const int a = house[clue.a];
      const int b = clue.kind < 2 ? static_cast<int>(clue.b) : house[clue.b];
      switch (clue.kind) {
        case 0:
        case 5:
          return a == b;
        case 2:
          return a + 1 == b;
        case 3:
          return std::abs(a - b) == 1;
        default:
          return a != b;
      }
    });
  }
};

/// The answers that the solutions of a puzzle give: every group is permuted against the others.
std::set<std::string> zebra_answers(const Task& task) {
  const ZebraText text(task);
  std::vector<int> house(text.items.size());
  const std::size_t size = task.choices.size();
  std::set<std::string> answers;
  const std::function<void(std::size_t)> permute = [&](std::size_t group) {
    if (group == text.groups.size()) {
      for (std::size_t i = 0; i < size && text.holds(house); ++i)
        if (house[i] == house[text.asked]) answers.insert(task.choices[i]);
      return;
    }
    const auto begin = house.begin() + static_cast<std::ptrdiff_t>(group * size);
    const auto end = begin + static_cast<std::ptrdiff_t>(size);
    std::iota(begin, end, 0);
    do {
      permute(group + 1);
    } while (std::next_permutation(begin, end));
  };
  permute(0);
  return answers;
}

TEST(ZebraTasks, HaveOneSolutionAndItIsTheAnswer) {
  base::Random random(3);
  for (int difficulty = 1; difficulty <= 4; ++difficulty)
    for (int i = 0; i < 12; ++i) {
      const Task task = zebra_task(difficulty, random);
      EXPECT_EQ(zebra_answers(task), std::set<std::string>{task.answer}) << task.prompt;
    }
  const Task hardest = zebra_task(5, random);
  EXPECT_EQ(zebra_answers(hardest), std::set<std::string>{hardest.answer}) << hardest.prompt;
}

/// A story told step by step, calculated from its words.
TEST(ArithmeticTasks, TheAnswerIsWhatTheStoryComesTo) {
  base::Random random(4);
  for (int difficulty = 1; difficulty <= 5; ++difficulty)
    for (int i = 0; i < 30; ++i) {
      const Task task = arithmetic_task(difficulty, random);
      long count = 0;
      for (const auto& sentence : matches(task.prompt, "[^.]+[.?]")) {
        std::smatch m;
        if (std::regex_search(sentence, m, std::regex("has (\\d+) "))) count = std::stol(m[1]);
        if (std::regex_search(sentence, m, std::regex("buys (\\d+) more"))) count += std::stol(m[1]);
        if (std::regex_search(sentence, m, std::regex("gives (\\d+) of"))) count -= std::stol(m[1]);
        if (std::regex_search(sentence, m, std::regex("finds (\\d+) bags with (\\d+)")))
          count += std::stol(m[1]) * std::stol(m[2]);
        if (std::regex_search(sentence, m, std::regex("becomes (\\d+) times"))) count *= std::stol(m[1]);
        if (std::regex_search(sentence, m, std::regex("into (\\d+) boxes"))) {
          EXPECT_EQ(count % std::stol(m[1]), 0) << task.prompt;
          count /= std::stol(m[1]);
        }
        EXPECT_GT(count, 0) << task.prompt;
      }
      EXPECT_EQ(task.answer, std::to_string(count)) << task.prompt;
    }
}

TEST(SequenceTasks, TheRuleThatMadeItGoesOn) {
  base::Random random(5);
  for (int i = 0; i < 50; ++i) {
    const Task task = sequence_task(1, random);
    const auto numbers = matches(task.prompt, "\\d+");
    ASSERT_EQ(numbers.size(), 9u) << task.prompt;  // two choices, told twice
    EXPECT_EQ(std::stoi(task.answer), 2 * std::stoi(numbers[4]) - std::stoi(numbers[3])) << task.prompt;
  }
  for (int difficulty = 2; difficulty <= 5; ++difficulty) {
    const Task task = sequence_task(difficulty, random);
    EXPECT_GE(matches(task.prompt, "\\d+").size(), 5u);
  }
}

}  // namespace
}  // namespace moestress::workload

// Word problems: somebody's things become more and fewer, step by step.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "workload/task_families.h"

namespace moestress::workload {
namespace {

constexpr std::array kThings{"apples", "coins", "books", "stones", "cards", "shells", "eggs", "pencils"};
constexpr std::array kSteps{1, 2, 3, 4, 6};  // by difficulty
constexpr std::array kLargest{9, 15, 30, 60, 99};

/// The count as it stands, and the steps that led there in words.
struct Story {
  std::string who, other, things;
  int count = 0;
  std::string text = {};

  void buy(int more) {
    count += more;
    text += fmt::format(" {} buys {} more.", who, more);
  }
  void give(int fewer) {
    count -= fewer;
    text += fmt::format(" {} gives {} of them to {}.", who, fewer, other);
  }
  void find_bags(int bags, int in_each) {
    count += bags * in_each;
    text += fmt::format(" {} finds {} bags with {} {} in each.", who, bags, in_each, things);
  }
  void multiply(int factor) {
    count *= factor;
    text += fmt::format(" The number of {} becomes {} times as large.", things, factor);
  }
  void share(int boxes) {
    count /= boxes;
    text += fmt::format(" {} packs all {} equally into {} boxes and keeps only one box.", who, things, boxes);
  }
};

void add_step(Story& story, int difficulty, base::Random& random) {
  const int largest = kLargest[static_cast<std::size_t>(difficulty) - 1];
  const int kind = between(random, 0, difficulty < 3 ? 1 : 4);
  if (kind == 1 && story.count > 1) return story.give(between(random, 1, std::min(largest, story.count - 1)));
  if (kind == 2) return story.find_bags(between(random, 2, 9), between(random, 2, largest / 3));
  if (kind == 3 && story.count < 5000) return story.multiply(between(random, 2, 4));
  if (kind == 4)
    for (const int boxes : {7, 6, 5, 4, 3, 2})
      if (story.count % boxes == 0 && story.count > boxes) return story.share(boxes);
  story.buy(between(random, 1, largest));
}

}  // namespace

Task arithmetic_task(int difficulty, base::Random& random) {
  const auto people = draw_names(2, random);
  const auto level = static_cast<std::size_t>(difficulty) - 1;
  Story story{people[0], people[1], kThings[random.below(kThings.size())],
              between(random, 2, kLargest[level])};
  story.text = fmt::format("{} has {} {}.", story.who, story.count, story.things);
  for (int step = 0; step < kSteps[level]; ++step) add_step(story, difficulty, random);
  return integer_task(fmt::format("{} How many {} does {} have now?", story.text, story.things, story.who),
                      story.count);
}

}  // namespace moestress::workload

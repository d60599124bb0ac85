#include "workload/switching_prompts.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "base/random.h"

namespace moestress::workload {
namespace {

constexpr std::array<std::string_view, 24> kWords{
    "river",  "seven", "paper",  "yellow", "engine", "quiet",  "doctor",  "under",
    "market", "glass", "north",  "winter", "signal", "bread",  "justice", "copper",
    "dance",  "ocean", "seldom", "ladder", "tax",    "violin", "harvest", "zero"};
constexpr std::size_t kWordsOfPrompt = 10;

}  // namespace

std::vector<Prompt> switching_prompts(std::size_t count, std::uint64_t seed) {
  base::Random random(base::derive_seed(seed, "switching prompts"));
  std::vector<std::string_view> words(kWords.begin(), kWords.end());
  std::vector<Prompt> made;
  for (std::size_t i = 0; i < count; ++i) {
    random.shuffle(words);
    const bool repeat = i % 2 == 0;
    Prompt prompt{fmt::format("{}-{}", repeat ? "repeat" : "varied", i / 2), Domain::Conversation, ""};
    for (std::size_t word = 0; word < kWordsOfPrompt; ++word) {
      if (word > 0) prompt.text += ' ';
      prompt.text += repeat ? words[0] : words[word];
    }
    made.push_back(std::move(prompt));
  }
  return made;
}

}  // namespace moestress::workload

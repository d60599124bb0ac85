#include <array>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/random.h"
#include "workload/requests.h"

namespace moestress::workload {
namespace {

// Common words, which every tokenizer of a large vocabulary knows whole: so words and marks count the tokens.
constexpr std::array<std::string_view, 24> kAdjectives{
    "old",   "small", "quiet",  "heavy",  "green", "narrow", "empty",   "bright",
    "young", "tired", "broken", "warm",   "tall",  "plain",  "sharp",   "early",
    "dark",  "loose", "round",  "yellow", "slow",  "clean",  "strange", "cold"};
constexpr std::array<std::string_view, 40> kNouns{
    "farmer", "letter", "river",  "window",   "teacher", "engine", "garden", "bridge", "captain", "market",
    "doctor", "road",   "winter", "table",    "painter", "ship",   "valley", "clock",  "worker",  "kitchen",
    "child",  "forest", "mirror", "village",  "soldier", "train",  "lamp",   "island", "baker",   "mountain",
    "paper",  "horse",  "tower",  "stranger", "field",   "candle", "door",   "driver", "piano",   "harbour"};
constexpr std::array<std::string_view, 24> kVerbs{
    "found",      "carried", "watched", "followed", "left", "repaired", "painted", "opened",
    "remembered", "counted", "moved",   "crossed",  "sold", "passed",   "reached", "closed",
    "bought",     "saw",     "forgot",  "heard",    "kept", "lost",     "turned",  "measured"};
constexpr std::array<std::string_view, 16> kPlaces{
    "near the river",          "behind the station",       "in the morning",
    "after the rain",          "at the end of the street", "under the bridge",
    "before the winter",       "on the other side",        "by the window",
    "in the back of the shop", "across the square",        "during the night",
    "above the harbour",       "for a whole year",         "without a word",
    "between two houses"};
constexpr std::array<std::string_view, 12> kLinks{"and then", "but",  "while", "because", "so",    "although",
                                                  "until",    "when", "where", "since",   "after", "before"};

/// One sentence after another, without an end.
class Prose {
 public:
  explicit Prose(std::uint64_t seed) : random_(base::derive_seed(seed, "filler")) {}

  std::string sentence() {
    std::string text = "The " + phrase() + " " + pick(kVerbs) + " the " + phrase();
    if (random_.below(2) == 0) text += std::string(" ") + pick(kPlaces);
    if (random_.below(3) != 0)
      text +=
          std::string(", ") + pick(kLinks) + " the " + pick(kNouns) + " " + pick(kVerbs) + " the " + phrase();
    if (random_.below(4) == 0) text += std::string(" ") + pick(kPlaces);
    // A paragraph now and then.
    return text + (random_.below(8) == 0 ? ".\n\n" : ". ");
  }

 private:
  template <std::size_t N>
  std::string pick(const std::array<std::string_view, N>& words) {
    return std::string(words[random_.below(N)]);
  }
  std::string phrase() {
    const std::string adjective = random_.below(2) == 0 ? pick(kAdjectives) + " " : "";
    return adjective + pick(kNouns);
  }

  base::Random random_;
};

bool ends_token(char c) { return c == ' ' || c == ',' || c == '.'; }

}  // namespace

std::string filler_text(int tokens, std::uint64_t seed) {
  CHECK(tokens >= 0);
  Prose prose(seed);
  std::string text;
  int counted = 0;
  // A word is a token, and so is a comma, a full stop and a paragraph's end.
  while (counted < tokens) {
    const std::string sentence = prose.sentence();
    for (std::size_t i = 0; i < sentence.size() && counted < tokens; ++i) {
      text += sentence[i];
      const char c = sentence[i];
      const char next = i + 1 < sentence.size() ? sentence[i + 1] : ' ';
      const bool is_mark = c == ',' || c == '.' || (c == '\n' && next == '\n');
      const bool ends_word = !ends_token(c) && c != '\n' && ends_token(next);
      if (is_mark || ends_word) ++counted;
    }
  }
  return text;
}

}  // namespace moestress::workload

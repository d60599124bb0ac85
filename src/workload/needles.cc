#include "workload/needles.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/check.h"
#include "base/random.h"
#include "workload/requests.h"

namespace moestress::workload {
namespace {

// None of them is a word of the filler, or a common word of any other kind.
constexpr std::array<std::string_view, kNeedlesMax> kNames{
    "Astrid",  "Boris",   "Carmen", "Dmitri", "Edith",  "Felix",  "Gloria",  "Hector",   "Ingrid", "Jasper",
    "Karin",   "Leopold", "Miriam", "Nadia",  "Oscar",  "Pablo",  "Quentin", "Rosalind", "Stefan", "Tobias",
    "Ursula",  "Victor",  "Wanda",  "Xavier", "Yvonne", "Zoe",    "Agnes",   "Bruno",    "Clara",  "Diego",
    "Elena",   "Fabian",  "Greta",  "Hannah", "Igor",   "Julia",  "Kurt",    "Laura",    "Magnus", "Nora",
    "Olga",    "Peter",   "Ramona", "Simon",  "Teresa", "Ulrich", "Vera",    "Walter",   "Alice",  "Bernard",
    "Cecilia", "Daniel",  "Emma",   "Frank",  "Gustav", "Helena", "Ivan",    "Johanna",  "Konrad", "Lucia",
    "Martin",  "Natalia", "Oliver", "Paula"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "4,821" is 4821: some models write numbers so.
std::string without_digit_commas(std::string_view text) {
  std::string kept;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool between =
        text[i] == ',' && i > 0 && i + 1 < text.size() && is_digit(text[i - 1]) && is_digit(text[i + 1]);
    if (!between) kept += text[i];
  }
  return kept;
}

/// The start of the sentence of `prose` that is nearest to `at`; sentences end in ". " or ".\n\n".
std::size_t nearest_sentence(std::string_view prose, std::size_t at) {
  std::size_t best = 0;
  const auto distance = [at](std::size_t place) { return place > at ? place - at : at - place; };
  for (std::size_t dot = prose.find('.'); dot != std::string_view::npos; dot = prose.find('.', dot + 1)) {
    std::size_t begin = dot + 1;
    while (begin < prose.size() && (prose[begin] == ' ' || prose[begin] == '\n')) ++begin;
    if (begin > dot + 1 && distance(begin) < distance(best)) best = begin;
    if (begin > at) break;
  }
  return best;
}

/// `prose` with every needle's fact before the sentence that is nearest to its depth.
std::string planted(std::string_view prose, std::vector<Needle> needles) {
  std::stable_sort(needles.begin(), needles.end(),
                   [](const Needle& a, const Needle& b) { return a.depth < b.depth; });
  std::string text;
  std::size_t done = 0;
  for (const Needle& needle : needles) {
    const double at = std::clamp(needle.depth, 0.0, 1.0) * static_cast<double>(prose.size());
    const std::size_t place =
        std::max(done, nearest_sentence(prose, static_cast<std::size_t>(std::lround(at))));
    text += prose.substr(done, place - done);
    text += needle_fact(needle) + " ";
    done = place;
  }
  return text += prose.substr(done);
}

}  // namespace

std::vector<Needle> draw_needles(std::span<const double> depths, std::uint64_t seed) {
  CHECK(depths.size() <= kNeedlesMax);
  base::Random random(base::derive_seed(seed, "needles"));
  std::vector<std::string_view> names(kNames.begin(), kNames.end());
  random.shuffle(names);
  std::set<std::uint64_t> taken;
  std::vector<Needle> needles;
  for (std::size_t i = 0; i < depths.size(); ++i) {
    std::uint64_t number = 0;
    // No leading 0, which a model may leave out.
    do number = 1000 + random.below(9000);
    while (!taken.insert(number).second);
    needles.push_back({std::string(names[i]), std::to_string(number), depths[i]});
  }
  return needles;
}

std::string needle_fact(const Needle& needle) {
  return fmt::format("The secret number of {} is {}.", needle.name, needle.number);
}

std::string needle_question(const Needle& needle) {
  return fmt::format("\n\nQuestion: What is the secret number of {}?\nAnswer: The secret number of {} is",
                     needle.name, needle.name);
}

bool recalls(const Needle& needle, std::string_view reply) {
  const std::string text = without_digit_commas(reply);
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end - begin >= kNeedleDigits) return text.compare(begin, end - begin, needle.number) == 0;
    begin = end + 1;
  }
  return false;
}

std::string needle_control(std::span<const Needle> needles, std::size_t asked) {
  CHECK(asked < needles.size());
  std::string text;
  for (std::size_t i = 0; i < needles.size(); ++i)
    if (i != asked) text += needle_fact(needles[i]) + " ";
  return text + needle_fact(needles[asked]) + needle_question(needles[asked]);
}

base::Result<std::string> haystack(const HaystackPlan& plan, const CountTokens& count) {
  CHECK(plan.tokens >= 0 && plan.tokens < (1 << 28));
  const auto at_least = count(planted("", plan.needles) + plan.tail);
  if (at_least > plan.tokens)
    return base::fail(base::ErrorCode::Usage,
                      "{} facts and the question take {} tokens, but the text may have {} only",
                      plan.needles.size(), at_least, plan.tokens);
  // The filler's own count holds for large vocabularies within 2 %; smaller ones make more tokens of it.
  const auto tokens = static_cast<int>(plan.tokens);
  const std::string prose = filler_text(tokens + tokens / 8 + 16, plan.seed);
  const auto text_of = [&](std::size_t length) {
    return planted(std::string_view(prose).substr(0, length), plan.needles);
  };
  const auto tokens_of = [&](std::size_t length) { return count(text_of(length) + plan.tail); };

  std::size_t low = 0, high = prose.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (tokens_of(middle) < plan.tokens)
      low = middle + 1;
    else
      high = middle;
  }
  // A cut inside a word or a needle that moves makes a token more or less, so the count is not quite
  // monotonic; and one character may make two tokens, so that no cut gives some number: then a word more
  // does.
  constexpr std::size_t kReach = 48;
  for (const char* last : {"", " a", ".", " so", "\n"})
    for (std::size_t step = 0; step <= kReach; ++step)
      for (const bool forwards : {true, false}) {
        if (forwards ? low + step > prose.size() : step == 0 || step > low) continue;
        std::string text = text_of(forwards ? low + step : low - step) + last;
        if (count(text + plan.tail) == plan.tokens) return text;
      }
  return base::fail(base::ErrorCode::Unsupported,
                    "no cut of the filler gives exactly {} tokens with this tokenizer", plan.tokens);
}

}  // namespace moestress::workload

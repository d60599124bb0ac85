#include "quality/degeneration.h"

#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "quality/text_units.h"

namespace moestress::quality {
namespace {

constexpr std::size_t kBytesMax = std::size_t{16} << 20;
constexpr int kLoopRepeats = 3;

/// Different n-grams over all n-grams; 1 where there are none.
double distinct(std::u32string_view tokens, std::size_t n) {
  if (tokens.size() < n) return 1;
  std::unordered_set<std::u32string_view> seen;
  for (std::size_t i = 0; i + n <= tokens.size(); ++i) seen.insert(tokens.substr(i, n));
  return static_cast<double>(seen.size()) / static_cast<double>(tokens.size() - n + 1);
}

double compression_ratio(std::string_view text) {
  if (text.empty()) return 1;
  std::vector<char> compressed(ZSTD_compressBound(text.size()));
  const std::size_t size = ZSTD_compress(compressed.data(), compressed.size(), text.data(), text.size(), 3);
  // It can fail for want of memory only; a text that was not compressed then counts as one that can't be.
  return ZSTD_isError(size) ? 1 : static_cast<double>(text.size()) / static_cast<double>(size);
}

/// Words per factor going one way: a factor ends where its share of different words has fallen to the
/// threshold; what is left at the end counts as the part of the way there.
template <class Iterator>
double factors(Iterator begin, Iterator end) {
  constexpr double kThreshold = 0.72;
  double complete = 0;
  double ratio = 1;
  double words = 0;
  std::unordered_set<char32_t> seen;
  for (; begin != end; ++begin) {
    seen.insert(*begin);
    words += 1;
    ratio = static_cast<double>(seen.size()) / words;
    if (ratio <= kThreshold) {
      complete += 1;
      seen.clear();
      words = 0;
      ratio = 1;
    }
  }
  return complete + (1 - ratio) / (1 - kThreshold);
}

double mtld_of(std::u32string_view words) {
  const auto length = static_cast<double>(words.size());
  // No factor, not even a part: no word came twice, and the text's length is all that can be said.
  const auto one_way = [&](double count) { return count > 0 ? length / count : length; };
  return (one_way(factors(words.begin(), words.end())) + one_way(factors(words.rbegin(), words.rend()))) / 2;
}

/// Shortest block that the end repeats three times or more, and how much of the end does, by the Z function
/// of the reversed tokens: z[p] is how far the text goes on equal to itself p tokens back.
std::pair<int, std::size_t> loop_of(std::u32string_view tokens) {
  const std::u32string reversed(tokens.rbegin(), tokens.rend());
  const std::size_t n = reversed.size();
  std::vector<std::size_t> z(n, 0);
  std::size_t left = 0;
  std::size_t right = 0;
  for (std::size_t i = 1; i < n; ++i) {
    if (i < right) z[i] = std::min(right - i, z[i - left]);
    while (i + z[i] < n && reversed[z[i]] == reversed[i + z[i]]) ++z[i];
    if (i + z[i] > right) {
      left = i;
      right = i + z[i];
    }
    const std::size_t span = i + z[i];
    if (span >= kLoopRepeats * i && span >= static_cast<std::size_t>(kLoopTokens))
      return {static_cast<int>(i), span};
  }
  return {0, 0};
}

Degeneration degeneration_of(std::string_view text, std::u32string_view tokens) {
  Degeneration result;
  result.tokens = tokens.size();
  result.distinct1 = distinct(tokens, 1);
  result.distinct2 = distinct(tokens, 2);
  result.distinct3 = distinct(tokens, 3);
  result.rep2 = 1 - result.distinct2;
  result.rep3 = 1 - result.distinct3;
  result.rep4 = 1 - distinct(tokens, 4);
  result.diversity = (1 - result.rep2) * (1 - result.rep3) * (1 - result.rep4);
  result.compression_ratio = compression_ratio(text);
  result.mtld = mtld_of(tokens);
  std::tie(result.loop_period, result.loop_tokens) = loop_of(tokens);
  result.looping = result.loop_period > 0;
  return result;
}

std::string_view last_bytes(std::string_view text) {
  return text.substr(text.size() - std::min(text.size(), kBytesMax));
}

}  // namespace

Degeneration degeneration(std::string_view text) {
  text = last_bytes(text);
  WordNumbers numbers;
  const std::u32string words = numbers.words(text, text.size());
  const std::size_t kept = std::min(words.size(), kDegenerationLimit);
  return degeneration_of(text, std::u32string_view(words).substr(words.size() - kept));
}

Degeneration degeneration(std::string_view text, std::span<const std::int32_t> tokens) {
  return degeneration_of(last_bytes(text),
                         units(tokens.last(std::min(tokens.size(), kDegenerationLimit)), kDegenerationLimit));
}

}  // namespace moestress::quality

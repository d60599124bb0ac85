#include "quality/text_metrics.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>

#include "quality/sequence_alignment.h"
#include "quality/text_units.h"

namespace moestress::quality {
namespace {

struct Overlap {
  double matches = 0;  ///< n-grams in both, each as often as the text that has it less often
  double candidate = 0;
  double reference = 0;
};

using Counts = std::unordered_map<std::u32string_view, std::int64_t>;

Counts count_ngrams(std::u32string_view text, std::size_t n) {
  Counts counts;
  for (std::size_t i = 0; i + n <= text.size(); ++i) ++counts[text.substr(i, n)];
  return counts;
}

Overlap overlap(std::u32string_view candidate, std::u32string_view reference, std::size_t n) {
  const auto ngrams = [n](std::u32string_view text) {
    return text.size() < n ? 0.0 : static_cast<double>(text.size() - n + 1);
  };
  Overlap result{.candidate = ngrams(candidate), .reference = ngrams(reference)};
  const Counts in_reference = count_ngrams(reference, n);
  for (const auto& [ngram, times] : count_ngrams(candidate, n)) {
    const auto found = in_reference.find(ngram);
    if (found != in_reference.end()) result.matches += static_cast<double>(std::min(times, found->second));
  }
  return result;
}

double rouge_of(std::u32string_view candidate, std::u32string_view reference) {
  if (candidate.empty() && reference.empty()) return 1;
  return 2 * static_cast<double>(common_subsequence(candidate, reference)) /
         static_cast<double>(candidate.size() + reference.size());
}

}  // namespace

double rouge_l(std::string_view candidate, std::string_view reference) {
  WordNumbers numbers;
  const std::u32string words = numbers.words(candidate, kTextLimit);
  return rouge_of(words, numbers.words(reference, kTextLimit));
}

double rouge_l(std::span<const std::int32_t> candidate, std::span<const std::int32_t> reference) {
  return rouge_of(units(candidate, kTextLimit), units(reference, kTextLimit));
}

double chrf(std::string_view candidate, std::string_view reference) {
  constexpr std::size_t kOrder = 6;
  constexpr double kBetaSquared = 4;
  const std::u32string of_candidate = characters(candidate, kTextLimit, false);
  const std::u32string of_reference = characters(reference, kTextLimit, false);
  if (of_candidate.empty() && of_reference.empty()) return 1;
  double precision = 0;
  double recall = 0;
  double orders = 0;
  for (std::size_t n = 1; n <= kOrder; ++n) {
    const Overlap common = overlap(of_candidate, of_reference, n);
    if (common.candidate == 0 || common.reference == 0) break;
    precision += common.matches / common.candidate;
    recall += common.matches / common.reference;
    orders += 1;
  }
  if (precision == 0 || recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  return (1 + kBetaSquared) * precision * recall / (kBetaSquared * precision + recall);
}

double bleu(std::string_view candidate, std::string_view reference) {
  constexpr std::size_t kOrder = 4;
  WordNumbers numbers;
  const std::u32string of_candidate = numbers.words(candidate, kTextLimit);
  const std::u32string of_reference = numbers.words(reference, kTextLimit);
  if (of_candidate.empty() && of_reference.empty()) return 1;
  double log_sum = 0;
  double orders = 0;
  double smoothing = 1;
  bool any = false;
  for (std::size_t n = 1; n <= kOrder; ++n) {
    const Overlap common = overlap(of_candidate, of_reference, n);
    if (common.candidate == 0) break;
    any = any || common.matches > 0;
    double matches = common.matches;
    if (matches == 0) matches = 1 / (smoothing *= 2);
    log_sum += std::log(matches / common.candidate);
    orders += 1;
  }
  if (!any) return 0;
  const auto length = static_cast<double>(of_candidate.size());
  const double brevity = std::min(0.0, 1 - static_cast<double>(of_reference.size()) / length);
  return std::min(1.0, std::exp(brevity + log_sum / orders));
}

double edit_similarity(std::string_view a, std::string_view b) {
  const std::u32string left = characters(a, kTextLimit);
  const std::u32string right = characters(b, kTextLimit);
  const std::size_t longer = std::max(left.size(), right.size());
  if (longer == 0) return 1;
  return 1 - static_cast<double>(edit_distance(left, right)) / static_cast<double>(longer);
}

}  // namespace moestress::quality

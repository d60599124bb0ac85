#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace moestress::quality {

// Similarity of two texts, 0 (nothing in common) to 1 (equal). Two empty texts are equal; an empty one and
// another have nothing in common. Words are what white space parts, as they stand; characters are Unicode
// code points, an ill-formed part counting as U+FFFD. Bounded: of each text the first kTextLimit words or
// characters are compared.

inline constexpr std::size_t kTextLimit = 32768;

/// ROUGE-L (Lin 2004): F1 of the longest common subsequence of words, 2·LCS/(|a| + |b|).
double rouge_l(std::string_view candidate, std::string_view reference);
double rouge_l(std::span<const std::int32_t> candidate, std::span<const std::int32_t> reference);

/// chrF (Popović 2015), n-grams of 1..6 characters without white space, β = 2: precision and recall averaged
/// over the n that both texts have n-grams of, then F_β. As sacreBLEU computes it for a sentence, over 100.
double chrf(std::string_view candidate, std::string_view reference);

/// Sentence BLEU (Papineni et al. 2002), n-grams of 1..4 words, brevity penalty; a zero count becomes 1/2,
/// 1/4, … of one match, and n longer than the candidate are left out (sacreBLEU's "exp" smoothing with
/// effective order, over 100).
double bleu(std::string_view candidate, std::string_view reference);

/// 1 − Levenshtein distance / longer length, in characters.
double edit_similarity(std::string_view a, std::string_view b);

}  // namespace moestress::quality

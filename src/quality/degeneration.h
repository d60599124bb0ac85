#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace moestress::quality {

/// Signs that a text went off the rails. L tokens, n-grams of n of them.
struct Degeneration {
  std::size_t tokens = 0;
  double rep2 = 0;  ///< rep-n = 1 − unique/(L − n + 1) (Welleck et al., arXiv 1908.04319); 0 where L < n
  double rep3 = 0;
  double rep4 = 0;
  double distinct1 = 1;  ///< distinct-n = unique/(L − n + 1) (Li et al., arXiv 1510.03055); 1 where L < n
  double distinct2 = 1;
  double distinct3 = 1;
  double diversity = 1;          ///< Π_{n=2..4} (1 − rep-n) (Su et al., arXiv 2202.06417)
  double compression_ratio = 1;  ///< bytes over bytes after zstd level 3; below 1 for short texts
  /// Lexical diversity: mean number of words until the share of different ones falls to 0.72, both ways
  /// (McCarthy and Jarvis 2010); the text's length where no word came twice. Says little below some 50 words.
  double mtld = 0;
  int loop_period = 0;          ///< tokens that the text's end repeats; 0: none
  std::size_t loop_tokens = 0;  ///< of the text's end that the loop takes, its first turn among them
  bool looping = false;         ///< see degeneration()
};

/// A text loops where it ends in three or more whole repeats of one block, wherever in the block it stops,
/// that take at least kLoopTokens together: the shortest such block is the period. Bounded: of longer texts
/// the last kDegenerationLimit tokens (and 16 MiB) are looked at, since it is the end that degenerates.
inline constexpr int kLoopTokens = 8;
inline constexpr std::size_t kDegenerationLimit = 262144;

/// Tokens are words (what white space parts). Where that is none for a long text (Chinese, one endless word),
/// use ids.
Degeneration degeneration(std::string_view text);
/// Tokens are the model's; compression ratio is of `text`, mtld of `tokens`.
Degeneration degeneration(std::string_view text, std::span<const std::int32_t> tokens);

}  // namespace moestress::quality

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::workload {

/// A fact to be found again in a long text: a number bound to a name. Neither can be guessed, or known from
/// elsewhere.
struct Needle {
  std::string name;    ///< one English first name, "Astrid"
  std::string number;  ///< kNeedleDigits digits
  double depth = 0;    ///< where it lies: 0 is the front of the text, 1 its end
};

inline constexpr std::size_t kNeedleDigits = 4;
inline constexpr std::size_t kNeedlesMax = 64;

/// One needle for each depth, at most kNeedlesMax; no two share a name or a number.
std::vector<Needle> draw_needles(std::span<const double> depths, std::uint64_t seed);

/// "The secret number of Astrid is 4821."
std::string needle_fact(const Needle& needle);
/// The question, to stand after a text. It ends with the beginning of the answer, so that a model which only
/// continues a text is asked as well.
std::string needle_question(const Needle& needle);
/// Whether a reply to the question gives the number: the first number in it with that many digits or more is
/// the needle's.
bool recalls(const Needle& needle, std::string_view reply);
/// The easiest text with the same facts: all of them, `asked` last, right before its question, which is in
/// it.
std::string needle_control(std::span<const Needle> needles, std::size_t asked);

/// Tokens of a text, by whatever tokenizer the caller has.
using CountTokens = std::function<std::int64_t(std::string_view)>;

struct HaystackPlan {
  std::int64_t tokens = 0;  ///< of the whole: the haystack and `tail` behind it
  std::uint64_t seed = 0;   ///< of the filler
  std::vector<Needle> needles;
  std::string tail;  ///< what the caller will put behind it, e.g. a question
};

/// Filler prose with the needles planted, each between two sentences at about its depth, cut so that it and
/// the tail together have exactly that many tokens (one word may follow the cut). Errors: Usage (the needles
/// and the tail alone are longer; names how long), Unsupported (no cut of the filler gives that number of
/// tokens).
base::Result<std::string> haystack(const HaystackPlan& plan, const CountTokens& count);

}  // namespace moestress::workload

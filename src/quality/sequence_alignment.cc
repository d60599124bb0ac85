#include "quality/sequence_alignment.h"

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace moestress::quality {
namespace {

/// Where each unit of a text stands, as a row of bits that is laid out only for the unit that is asked for: a
/// table of all rows would take |a|²/8 bytes where all units differ.
class Positions {
 public:
  explicit Positions(std::u32string_view text) : row_((text.size() + 63) / 64, 0) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto& words = of_[text[i]];
      if (words.empty() || words.back().first != i / 64) words.emplace_back(i / 64, 0);
      words.back().second |= std::uint64_t{1} << (i % 64);
    }
  }

  /// Valid until the next call.
  const std::vector<std::uint64_t>& of(char32_t unit) {
    for (const auto& [index, bits] : *laid_out_) row_[index] = 0;
    const auto found = of_.find(unit);
    laid_out_ = found == of_.end() ? &nothing_ : &found->second;
    for (const auto& [index, bits] : *laid_out_) row_[index] = bits;
    return row_;
  }

 private:
  using Words = std::vector<std::pair<std::size_t, std::uint64_t>>;
  std::unordered_map<char32_t, Words> of_;
  std::vector<std::uint64_t> row_;
  const Words nothing_;
  const Words* laid_out_ = &nothing_;
};

/// One column of the table of distances in one word of rows: where it rises and falls going down. Takes and
/// gives how the horizontal neighbour above and below differs, −1, 0 or 1; `last` is the bit of the lowest
/// row.
struct Column {
  std::uint64_t rises = ~std::uint64_t{0};
  std::uint64_t falls = 0;

  int advance(std::uint64_t equal, int from_above, std::uint64_t last) {
    const std::uint64_t vertical = equal | falls;
    if (from_above < 0) equal |= 1;
    const std::uint64_t diagonal = (((equal & rises) + rises) ^ rises) | equal;
    std::uint64_t right_rises = falls | ~(diagonal | rises);
    std::uint64_t right_falls = rises & diagonal;
    const int below = (right_rises & last) != 0 ? 1 : (right_falls & last) != 0 ? -1 : 0;
    right_rises <<= 1;
    right_falls <<= 1;
    if (from_above > 0) right_rises |= 1;
    if (from_above < 0) right_falls |= 1;
    rises = right_falls | ~(vertical | right_rises);
    falls = right_rises & vertical;
    return below;
  }
};

}  // namespace

std::size_t common_subsequence(std::u32string_view a, std::u32string_view b) {
  if (a.empty() || b.empty()) return 0;
  Positions positions(a);
  std::vector<std::uint64_t> open((a.size() + 63) / 64,
                                  ~std::uint64_t{0});  // 0: a step of the subsequence's length
  for (char32_t unit : b) {
    const std::vector<std::uint64_t>& equal = positions.of(unit);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const std::uint64_t matched = open[i] & equal[i];
      const std::uint64_t sum = open[i] + matched;
      const std::uint64_t with_carry = sum + carry;
      carry = (sum < open[i] || with_carry < sum) ? 1 : 0;
      open[i] = with_carry | (open[i] & ~matched);
    }
  }
  std::size_t length = 0;
  for (std::size_t i = 0; i < a.size(); ++i) length += (open[i / 64] >> (i % 64) & 1) == 0 ? 1 : 0;
  return length;
}

std::size_t edit_distance(std::u32string_view a, std::u32string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  Positions positions(a);
  std::vector<Column> columns((a.size() + 63) / 64);
  auto distance = static_cast<std::int64_t>(a.size());
  for (char32_t unit : b) {
    const std::vector<std::uint64_t>& equal = positions.of(unit);
    int difference = 1;  // the row above all: the distance to nothing grows by one with each unit of b
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::size_t rows = i + 1 < columns.size() ? 64 : (a.size() - 1) % 64 + 1;
      difference = columns[i].advance(equal[i], difference, std::uint64_t{1} << (rows - 1));
    }
    distance += difference;
  }
  return static_cast<std::size_t>(distance);
}

}  // namespace moestress::quality

#include "quality/sequence_alignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"

namespace moestress::quality {
namespace {

/// Both by the textbook table.
std::size_t plain_common_subsequence(std::u32string_view a, std::u32string_view b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      table[i][j] =
          a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1 : std::max(table[i - 1][j], table[i][j - 1]);
    }
  }
  return table[a.size()][b.size()];
}

std::size_t plain_edit_distance(std::u32string_view a, std::u32string_view b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = 0; i <= a.size(); ++i) table[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) table[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      table[i][j] = std::min(
          {table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
    }
  }
  return table[a.size()][b.size()];
}

TEST(SequenceAlignment, AgreesWithTheTextbookTable) {
  base::Random random(51);
  // Around the edges of 64-bit words, and texts from unlike to nearly the same.
  for (std::size_t size : {1U, 2U, 5U, 63U, 64U, 65U, 127U, 128U, 129U, 300U}) {
    for (std::uint64_t alphabet : {2U, 5U, 1000U}) {
      for (int run = 0; run < 6; ++run) {
        std::u32string a(size, U'a');
        for (char32_t& unit : a) unit = static_cast<char32_t>(random.below(alphabet));
        std::u32string b = a;
        for (int change = 0; change < run * 3; ++change) {
          const std::size_t at = random.below(b.size() + 1);
          if (random.below(2) == 0 && at < b.size()) {
            b.erase(at, 1 + random.below(3));
          } else {
            b.insert(at, 1, static_cast<char32_t>(random.below(alphabet)));
          }
        }
        if (run == 5) std::reverse(b.begin(), b.end());
        ASSERT_EQ(common_subsequence(a, b), plain_common_subsequence(a, b))
            << size << " " << alphabet << " " << run;
        ASSERT_EQ(edit_distance(a, b), plain_edit_distance(a, b)) << size << " " << alphabet << " " << run;
        ASSERT_EQ(edit_distance(b, a), edit_distance(a, b));
      }
    }
  }
}

TEST(SequenceAlignment, EmptyTexts) {
  EXPECT_EQ(common_subsequence(U"", U"abc"), 0U);
  EXPECT_EQ(common_subsequence(U"abc", U""), 0U);
  EXPECT_EQ(edit_distance(U"", U"abc"), 3U);
  EXPECT_EQ(edit_distance(U"abc", U""), 3U);
  EXPECT_EQ(edit_distance(U"", U""), 0U);
}

}  // namespace
}  // namespace moestress::quality

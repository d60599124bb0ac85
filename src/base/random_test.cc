#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moestress::base {
namespace {

TEST(Random, SameSeedSameSequence) {
  Random a(7), b(7), c(8);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
}

TEST(Random, SequenceIsPinned) {
  // Part of the product: a change here changes every forged model and every plan's requests.
  Random random(42);
  EXPECT_EQ(random.next(), 1546998764402558742ULL);
}

TEST(Random, PurposesAreUnrelated) {
  EXPECT_EQ(derive_seed(1, "arrivals"), derive_seed(1, "arrivals"));
  EXPECT_NE(derive_seed(1, "arrivals"), derive_seed(1, "prompts"));
  EXPECT_NE(derive_seed(1, "arrivals"), derive_seed(2, "arrivals"));
}

TEST(Random, MomentsAreThoseOfTheDistributions) {
  Random random(1);
  constexpr int n = 200000;
  double normal_sum = 0, normal_squares = 0, exponential_sum = 0, uniform_sum = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    normal_sum += x;
    normal_squares += x * x;
    exponential_sum += random.exponential(3.0);
    uniform_sum += random.uniform();
  }
  EXPECT_NEAR(normal_sum / n, 0.0, 0.01);
  EXPECT_NEAR(normal_squares / n, 1.0, 0.02);
  EXPECT_NEAR(exponential_sum / n, 3.0, 0.05);
  EXPECT_NEAR(uniform_sum / n, 0.5, 0.005);
}

TEST(Random, ShuffleKeepsTheElements) {
  std::vector<int> values(50);
  std::iota(values.begin(), values.end(), 0);
  auto shuffled = values;
  Random(3).shuffle(shuffled);
  EXPECT_NE(shuffled, values);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, values);
}

}  // namespace
}  // namespace moestress::base

#include "stats/fairness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace moestress::stats {
namespace {

TEST(Jain, IsOneForEqualAndOneOverNForOne) {
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{5, 5, 5, 5}), 1);
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{0, 0, 8, 0}), 0.25);
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{1, 2, 3}), 36.0 / 42);
}

TEST(Jain, EdgeCases) {
  EXPECT_EQ(jain({}), 1);
  EXPECT_EQ(jain(std::vector<double>{0, 0}), 1);
  EXPECT_DOUBLE_EQ(jain(std::vector<double>{1, NAN, 2, -7, 3, INFINITY}), 36.0 / 42);
}

}  // namespace
}  // namespace moestress::stats

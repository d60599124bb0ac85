#include "store/decimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::store {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

std::vector<int> thin(const std::vector<int>& values, std::size_t points_max) {
  Decimator<int> decimator(values.size(), points_max);
  for (const int value : values) decimator.add(value, value);
  return decimator.take();
}

TEST(Decimator, KeepsEverythingWhereItFits) {
  EXPECT_THAT(thin({3, 1, 2}, 3), ElementsAre(3, 1, 2));
  EXPECT_THAT(thin({3, 1, 2}, 0), ElementsAre(3, 1, 2));
  EXPECT_TRUE(thin({}, 10).empty());
}

TEST(Decimator, KeepsLowestAndHighestOfEachRunInTheirOrder) {
  EXPECT_THAT(thin({5, 1, 9, 4, /**/ 2, 8, 7, 3}, 4), ElementsAre(1, 9, 2, 8));
}

TEST(Decimator, NeverLosesAPeak) {
  std::vector<int> values(10'000, 10);
  values[7'777] = 99;
  values[123] = -5;
  const auto kept = thin(values, 100);
  EXPECT_LE(kept.size(), 100u);
  EXPECT_THAT(kept, Contains(99));
  EXPECT_THAT(kept, Contains(-5));
}

TEST(Decimator, ASeriesLongerThanAnnouncedStaysWithinItsBound) {
  Decimator<int> decimator(10, 4);
  for (int i = 0; i < 1000; ++i) decimator.add(i, i);
  const auto kept = decimator.take();
  EXPECT_LE(kept.size(), 4u);
  EXPECT_EQ(kept.back(), 999);
}

}  // namespace
}  // namespace moestress::store

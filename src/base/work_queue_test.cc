#include "base/work_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace moestress::base {
namespace {

TEST(WorkQueue, KeepsTheOrderAndFinishesAtItsEnd) {
  std::vector<int> done;
  {
    WorkQueue queue;
    for (int i = 0; i < 100; ++i) queue.push([&done, i] { done.push_back(i); });
  }
  ASSERT_EQ(done.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
}

TEST(WorkQueue, DrainWaitsForWhatWasPushedBefore) {
  WorkQueue queue;
  int done = 0;  // no lock: drain() orders the writes before the read
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 50; ++i) queue.push([&done] { ++done; });
    queue.drain();
    EXPECT_EQ(done, 50 * round);
  }
}

}  // namespace
}  // namespace moestress::base

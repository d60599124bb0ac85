#include "net/event_loop.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "net/deadline.h"

namespace moestress::net {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, RunsTasksInOrderFromAnyThread) {
  EventLoop loop;
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) loop.post([&order, i] { order.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(EventLoop, StopsBeforeItRunsAndRunsAgain) {
  EventLoop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(EventLoop, TimersRunInTheirOrderAndNotEarly) {
  EventLoop loop;
  std::vector<int> order;
  const base::TimePoint start = loop.now();
  const auto at = [&](int ms) {
    loop.at(start + milliseconds(ms), [&, ms] {
      EXPECT_GE(loop.now(), start + milliseconds(ms));
      order.push_back(ms);
    });
  };
  for (const int ms : {30, 10, 20, 0, -5}) at(ms);
  loop.at(start + milliseconds(40), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{-5, 0, 10, 20, 30}));
}

TEST(EventLoop, ACancelledTimerNeverRuns) {
  EventLoop loop;
  const base::TimePoint start = loop.now();
  bool ran = false;
  const auto early = loop.at(start + milliseconds(1), [&] { ran = true; });
  std::uint64_t same_moment = 0;
  loop.at(start + milliseconds(10), [&] { loop.cancel_timer(same_moment); });
  same_moment = loop.at(start + milliseconds(10), [&] { ran = true; });
  loop.cancel_timer(early);
  loop.cancel_timer(early);
  loop.cancel_timer(12345);
  loop.at(start + milliseconds(30), [&] { loop.stop(); });
  loop.run();
  EXPECT_FALSE(ran);
}

TEST(EventLoop, ATimerMaySetAndCancelTimers) {
  EventLoop loop;
  int rounds = 0;
  std::function<void()> again = [&] {
    if (++rounds == 50) {
      loop.stop();
      return;
    }
    const auto doomed = loop.at(loop.now() + milliseconds(500), [] { ADD_FAILURE(); });
    loop.at(loop.now(), again);
    loop.cancel_timer(doomed);
  };
  loop.at(loop.now(), again);
  loop.run();
  EXPECT_EQ(rounds, 50);
}

TEST(EventLoop, TasksThatNeverRanAreDestroyedWithIt) {
  const auto token = std::make_shared<int>(1);
  {
    EventLoop loop;
    loop.post([token] {});
    loop.at(loop.now() + milliseconds(1), [token] {});
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Deadline, MovesLaterAndEarlierAndIsCleared) {
  EventLoop loop;
  const base::TimePoint start = loop.now();
  std::vector<milliseconds> fired;
  Deadline moved(loop,
                 [&] { fired.push_back(std::chrono::duration_cast<milliseconds>(loop.now() - start)); });
  moved.set(start + milliseconds(10));
  moved.set(start + milliseconds(60));  // later
  Deadline earlier(loop,
                   [&] { fired.push_back(std::chrono::duration_cast<milliseconds>(loop.now() - start)); });
  earlier.set(start + milliseconds(500));
  earlier.set(start + milliseconds(20));
  Deadline cleared(loop, [] { ADD_FAILURE(); });
  cleared.set(start + milliseconds(15));
  cleared.clear();
  {
    Deadline destroyed(loop, [] { ADD_FAILURE(); });
    destroyed.set(start + milliseconds(15));
  }
  loop.at(start + milliseconds(120), [&] { loop.stop(); });
  loop.run();
  ASSERT_EQ(fired.size(), 2u);
  EXPECT_GE(fired[0], milliseconds(20));
  EXPECT_GE(fired[1], milliseconds(60));
}

TEST(Deadline, LaterStaysAtTheEndOfTime) {
  const base::TimePoint now = EventLoop().now();
  EXPECT_EQ(later(now, base::Duration::max()), base::TimePoint::max());
  EXPECT_EQ(later(now, milliseconds(1)), now + milliseconds(1));
}

}  // namespace
}  // namespace moestress::net

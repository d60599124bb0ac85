#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <thread>

#include "load/closed_loop.h"
#include "load/endless_loop.h"
#include "load/open_loop.h"

namespace moestress::load {
namespace {

using namespace std::chrono_literals;
using base::Duration;
using base::TimePoint;
using record::Ending;
using record::Outcome;
using record::Request;

/// A server made of timers on the same loop: answers each request after the time that `service` says.
class TimerServer {
 public:
  explicit TimerServer(net::EventLoop& loop, TimePoint epoch) : loop_(loop), epoch_(epoch) {}

  std::function<Duration(const Request&, Duration now)> service = [](const Request&, Duration) {
    return 1ms;
  };

  Sender sender() {
    Sender sender;
    sender.send = [this](const Request& request, std::function<void(Outcome)> done) {
      const std::uint64_t id = next_++;
      Outcome outcome;
      outcome.request = request.id;
      outcome.session = request.session;
      outcome.planned = request.planned_start;
      outcome.sent = now();
      sent.push_back(request);
      open_[id] = {std::move(outcome), std::move(done)};
      most = std::max(most, open_.size());
      const Duration time = service(request, now());
      loop_.at(loop_.now() + time, [this, id] { end(id, Ending::Complete); });
      return id;
    };
    sender.cancel = [this](std::uint64_t id) { loop_.post([this, id] { end(id, Ending::Cancelled); }); };
    return sender;
  }

  std::vector<Request> sent;
  std::size_t most = 0;  ///< in flight at once

 private:
  Duration now() const { return loop_.now() - epoch_; }

  void end(std::uint64_t id, Ending ending) {
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    auto [outcome, done] = std::move(found->second);
    open_.erase(found);
    outcome.ending = ending;
    outcome.first_text = outcome.last_text = outcome.done = now();
    outcome.text = "x";
    outcome.chunks = {{outcome.done, "x"}};
    done(std::move(outcome));
  }

  net::EventLoop& loop_;
  TimePoint epoch_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, std::pair<Outcome, std::function<void(Outcome)>>> open_;
};

class LoopTest : public testing::Test {
 protected:
  LoopTest() : epoch_(clock_.now()), server_(loop_, epoch_), thread_([this] { loop_.run(); }) {}
  ~LoopTest() override {
    loop_.post([this] { loop_.stop(); });
    thread_.join();
  }

  static std::vector<Request> requests(int count, Duration step = 0ms, std::int64_t first_id = 0) {
    std::vector<Request> made;
    for (int i = 0; i < count; ++i) {
      Request request;
      request.id = {first_id + i};
      request.planned_start = step * i;
      made.push_back(request);
    }
    return made;
  }

  LoadResult closed(ClosedLoop plan) {
    return run_closed_loop(loop_, clock_, epoch_, server_.sender(), std::move(plan), cancelled_);
  }
  LoadResult open(OpenLoop plan) {
    return run_open_loop(loop_, clock_, epoch_, server_.sender(), std::move(plan), cancelled_);
  }

  base::SystemClock clock_;
  TimePoint epoch_;
  net::EventLoop loop_;
  TimerServer server_;
  std::atomic<bool> cancelled_{false};
  std::thread thread_;
};

std::vector<std::int64_t> ids(const std::vector<Outcome>& outcomes) {
  std::vector<std::int64_t> out;
  for (const Outcome& outcome : outcomes) out.push_back(outcome.request.value);
  return out;
}

TEST_F(LoopTest, ClosedLoopAsksOneAfterTheOther) {
  ClosedLoop plan;
  plan.sessions = {requests(5), requests(5, 0ms, 100)};
  plan.think_time = 3ms;
  const LoadResult result = closed(std::move(plan));
  ASSERT_EQ(result.outcomes.size(), 10U);
  EXPECT_EQ(server_.most, 2U) << "one in flight for each session";
  EXPECT_EQ(result.unsent, 0);
  EXPECT_EQ(result.lag.n, 10);
  std::map<std::int64_t, std::vector<Outcome>> sessions;
  for (const Outcome& outcome : result.outcomes) sessions[outcome.request.value / 100].push_back(outcome);
  for (const auto& [session, outcomes] : sessions)
    for (std::size_t i = 1; i < outcomes.size(); ++i) {
      EXPECT_EQ(outcomes[i].request.value, outcomes[i - 1].request.value + 1);
      EXPECT_EQ(outcomes[i].planned, outcomes[i - 1].done + 3ms) << "planned at the end of the one before";
      EXPECT_GE(outcomes[i].sent, outcomes[i].planned);
    }
}

TEST_F(LoopTest, ClosedLoopPlansTheFirstRequestsAsGiven) {
  ClosedLoop plan;
  plan.sessions = {requests(1), requests(1, 0ms, 1)};
  plan.sessions[1][0].planned_start = 30ms;
  const LoadResult result = closed(std::move(plan));
  ASSERT_EQ(ids(result.outcomes), (std::vector<std::int64_t>{0, 1}));
  EXPECT_NEAR(base::to_ms(result.outcomes[1].planned - result.outcomes[0].planned), 30, 1e-6);
}

TEST_F(LoopTest, ClosedLoopPreparesTheNextFromTheLast) {
  ClosedLoop plan;
  plan.sessions = {requests(3)};
  plan.prepare = [](Request& next, const Outcome& previous) {
    next.messages.push_back({"assistant", previous.text + std::to_string(previous.request.value)});
  };
  closed(std::move(plan));
  ASSERT_EQ(server_.sent.size(), 3U);
  EXPECT_TRUE(server_.sent[0].messages.empty());
  EXPECT_EQ(server_.sent[1].messages.at(0).content, "x0");
  EXPECT_EQ(server_.sent[2].messages.at(0).content, "x1");
}

TEST_F(LoopTest, ClosedLoopStopsAfterItsTime) {
  server_.service = [](const Request&, Duration) { return 20ms; };
  ClosedLoop plan;
  plan.sessions = {requests(1000)};
  plan.stop_after = 100ms;
  const LoadResult result = closed(std::move(plan));
  EXPECT_GE(result.outcomes.size(), 2U);
  EXPECT_LE(result.outcomes.size(), 6U);
  EXPECT_EQ(result.unsent + static_cast<std::int64_t>(result.outcomes.size()), 1000);
  for (const Outcome& outcome : result.outcomes) EXPECT_TRUE(outcome.ok()) << "what began runs to its end";
}

TEST_F(LoopTest, ClosedLoopHangsUpOnWhatTakesTooLong) {
  server_.service = [](const Request& request, Duration) { return request.id.value % 2 == 0 ? 1ms : 10s; };
  ClosedLoop plan;
  plan.sessions = {requests(4)};
  plan.hang_up_after = 20ms;
  const LoadResult result = closed(std::move(plan));
  ASSERT_EQ(result.outcomes.size(), 4U);
  for (const Outcome& outcome : result.outcomes)
    EXPECT_EQ(outcome.ending, outcome.request.value % 2 == 0 ? Ending::Complete : Ending::Cancelled);
}

TEST_F(LoopTest, ClosedLoopOfNothingIsOverAtOnce) {
  EXPECT_TRUE(closed({}).outcomes.empty());
  ClosedLoop plan;
  plan.sessions = {{}, {}};
  EXPECT_TRUE(closed(std::move(plan)).outcomes.empty());
}

TEST_F(LoopTest, ClosedLoopGoesOnAfterAFailure) {
  ClosedLoop plan;
  plan.sessions = {requests(3)};
  int seen = 0;
  plan.on_outcome = [&](const Outcome&) { ++seen; };
  Sender failing;
  failing.send = [this](const Request& request, std::function<void(Outcome)> done) {
    loop_.post([this, request, done = std::move(done)] {
      Outcome outcome;
      outcome.request = request.id;
      outcome.ending = Ending::Refused;
      outcome.planned = request.planned_start;
      outcome.done = loop_.now() - epoch_;
      done(outcome);
    });
    return 1;
  };
  failing.cancel = [](std::uint64_t) {};
  const LoadResult result = run_closed_loop(loop_, clock_, epoch_, failing, std::move(plan), cancelled_);
  EXPECT_EQ(result.outcomes.size(), 3U);
  EXPECT_EQ(seen, 3);
  EXPECT_TRUE(result.lag_valid) << "no latency, nothing to spoil";
}

TEST_F(LoopTest, CancellingEndsAClosedLoop) {
  server_.service = [](const Request&, Duration) { return 1h; };
  ClosedLoop plan;
  plan.sessions = {requests(5), requests(5, 0ms, 100)};
  plan.sessions[1][0].planned_start = 1h;
  std::thread later([this] {
    std::this_thread::sleep_for(30ms);
    cancelled_ = true;
  });
  const LoadResult result = closed(std::move(plan));
  later.join();
  ASSERT_EQ(result.outcomes.size(), 1U);
  EXPECT_EQ(result.outcomes[0].ending, Ending::Cancelled);
  EXPECT_EQ(result.unsent, 9);
}

TEST_F(LoopTest, OpenLoopSendsOnTimeWhateverTheServerDoes) {
  // The server stands still from 50 to 150 ms and then answers all that came meanwhile.
  Duration begin{-1};
  server_.service = [&](const Request&, Duration now) {
    if (begin < 0ms) begin = now;
    const Duration into = now - begin;
    return into > 50ms && into < 150ms ? 150ms - into : Duration(1ms);
  };
  OpenLoop plan;
  plan.requests = requests(20, 10ms);
  std::reverse(plan.requests.begin(), plan.requests.end());  // any order will do
  const LoadResult result = open(std::move(plan));
  ASSERT_EQ(result.outcomes.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    const Outcome& outcome = result.outcomes[i];
    EXPECT_EQ(outcome.request.value, static_cast<std::int64_t>(i));
    EXPECT_EQ(outcome.planned - result.outcomes[0].planned, 10ms * i) << "the plan is kept to the nanosecond";
  }
  EXPECT_LT(result.lag.ms_p50, 20) << "no request waits for the stalled ones";
  EXPECT_GE(server_.most, 8U) << "requests pile up in the server, not in us";
  EXPECT_EQ(result.held_back, 0);
}

TEST_F(LoopTest, OpenLoopsLimitHoldsBackAndSaysSo) {
  server_.service = [](const Request&, Duration) { return 10ms; };
  OpenLoop plan;
  plan.requests = requests(10);
  plan.in_flight_max = 2;
  const LoadResult result = open(std::move(plan));
  ASSERT_EQ(result.outcomes.size(), 10U);
  EXPECT_EQ(server_.most, 2U);
  EXPECT_EQ(result.held_back, 8);
  EXPECT_EQ(result.lag.n, 2) << "what waited for the server is no lag of ours";
  EXPECT_GE(result.outcomes.back().done - result.outcomes.back().planned, 45ms)
      << "latency counts from the plan";
}

TEST_F(LoopTest, CancellingEndsAnOpenLoop) {
  server_.service = [](const Request&, Duration) { return 1h; };
  OpenLoop plan;
  plan.requests = requests(10, 1ms);
  for (Request request : requests(5, 1h, 10)) plan.requests.push_back(request);
  plan.in_flight_max = 5;
  std::thread later([this] {
    std::this_thread::sleep_for(100ms);
    cancelled_ = true;
  });
  const LoadResult result = open(std::move(plan));
  later.join();
  EXPECT_EQ(result.outcomes.size() + static_cast<std::size_t>(result.unsent), 15U);
  for (const Outcome& outcome : result.outcomes) EXPECT_EQ(outcome.ending, Ending::Cancelled);
}

TEST_F(LoopTest, OpenLoopOfNothingIsOverAtOnce) { EXPECT_TRUE(open({}).outcomes.empty()); }

TEST_F(LoopTest, AnEndlessLoopGoesOnUntilItIsTold) {
  server_.service = [](const Request& request, Duration) { return request.session.value == 0 ? 2ms : 5ms; };
  std::atomic<int> asked{0};
  EndlessLoop endless(
      loop_, clock_, epoch_, server_.sender(), 2,
      [&](std::size_t session, const Outcome* previous) {
        EXPECT_TRUE(previous == nullptr || previous->session.value == static_cast<std::int64_t>(session));
        EndlessLoop::Step step;
        step.request.id = {asked++};
        step.request.session = {static_cast<std::int64_t>(session)};
        return step;
      },
      cancelled_);
  std::this_thread::sleep_for(60ms);
  const auto first = endless.take();
  EXPECT_GT(first.size(), 10u);
  std::this_thread::sleep_for(30ms);
  endless.finish();
  const auto rest = endless.take();
  EXPECT_GT(rest.size(), 3u);
  EXPECT_EQ(first.size() + rest.size(), static_cast<std::size_t>(asked.load()))
      << "each is given once, none is lost";
  for (const Outcome& outcome : rest) EXPECT_EQ(outcome.ending, Ending::Complete);
  EXPECT_EQ(server_.most, 2u);
  std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(endless.take().empty());
}

TEST_F(LoopTest, AnEndlessLoopWaitsWhereItIsToldToAndEndsAtOnce) {
  server_.service = [](const Request& request, Duration) { return request.id.value == 0 ? 1ms : 1h; };
  std::atomic<int> asked{0};
  const auto began = clock_.now();
  {
    EndlessLoop endless(
        loop_, clock_, epoch_, server_.sender(), 1,
        [&](std::size_t, const Outcome* previous) {
          EndlessLoop::Step step;
          step.request.id = {asked++};
          step.wait = previous ? 50ms : 0ms;
          return step;
        },
        cancelled_);
    std::this_thread::sleep_for(120ms);
    EXPECT_EQ(asked.load(), 2);
  }
  ASSERT_EQ(server_.sent.size(), 2u);
  EXPECT_GE(server_.sent[1].planned_start - server_.sent[0].planned_start, 50ms);
  EXPECT_LT(clock_.now() - began, 10s);
}

TEST_F(LoopTest, AnEndlessLoopIsCancelledWithTheRun) {
  server_.service = [](const Request&, Duration) { return 1h; };
  EndlessLoop endless(
      loop_, clock_, epoch_, server_.sender(), 3,
      [&](std::size_t, const Outcome*) { return EndlessLoop::Step{}; }, cancelled_);
  std::this_thread::sleep_for(20ms);
  cancelled_ = true;
  std::this_thread::sleep_for(200ms);
  const auto ended = endless.take();
  ASSERT_EQ(ended.size(), 3u);
  for (const Outcome& outcome : ended) EXPECT_EQ(outcome.ending, Ending::Cancelled);
}

}  // namespace
}  // namespace moestress::load

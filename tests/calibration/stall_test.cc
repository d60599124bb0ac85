// A server that stands still for a second must look like that to those who count: as its users would feel it.

#include <gtest/gtest.h>

#include <mutex>
#include <optional>

#include "calibration.h"
#include "load/latency.h"

namespace moestress::calibration {
namespace {

using namespace std::chrono_literals;
using record::Outcome;
using target::Dialect;

constexpr base::Duration kService = 5ms;
constexpr base::Duration kStall = 1s;

/// Answers after 5 ms, but nobody between `stall_begin` and a second later, counted from the first request.
class StallingServer {
 public:
  explicit StallingServer(base::Duration stall_begin) : stall_begin_(stall_begin) {}

  Script operator()(const Received& request) {
    const std::lock_guard lock(mutex_);
    if (!begin_) begin_ = request.at;
    const base::TimePoint stall = *begin_ + stall_begin_;
    base::Duration wait = kService;
    if (request.at + kService > stall && request.at < stall + kStall) wait = stall + kStall - request.at;
    Script script;
    script.steps = {{wait, stream_head("text/event-stream") + http_chunk(chat_event("x")) +
                               http_chunk("data: [DONE]\n\n") + kLastHttpChunk}};
    return script;
  }

 private:
  const base::Duration stall_begin_;
  std::mutex mutex_;
  std::optional<base::TimePoint> begin_;
};

double share_over(const std::vector<double>& values, double limit) {
  const auto over = std::count_if(values.begin(), values.end(), [&](double value) { return value > limit; });
  return static_cast<double>(over) / static_cast<double>(values.size());
}

class Stall : public Calibration {
 protected:
  void stall_after(base::Duration begin) {
    const auto server = std::make_shared<StallingServer>(begin);
    serve([server](const Received& request) { return (*server)(request); });
    attach(Dialect::OpenAi);
  }
  /// A request every 20 ms for two seconds.
  std::vector<record::Request> arrivals() {
    std::vector<record::Request> made;
    for (int i = 0; i < 100; ++i) {
      made.push_back(request());
      made.back().planned_start = 20ms * i;
    }
    return made;
  }
};

TEST_F(Stall, OpenLoopFeelsItAsUsersDo) {
  stall_after(500ms);
  load::OpenLoop plan;
  plan.requests = arrivals();
  const load::LoadResult result = open(std::move(plan));
  ASSERT_EQ(result.outcomes.size(), 100U);

  const std::vector<Served> served = server_->served();
  std::vector<double> truth;
  for (const Outcome& outcome : result.outcomes) {
    ASSERT_TRUE(outcome.ok()) << outcome.detail;
    truth.push_back(base::to_ms(since_epoch(served_for(outcome, served).written[0]) - outcome.planned));
  }
  const std::vector<double> ttft = load::latency_figures(result.outcomes).ttft_ms;
  // Half of the arrivals fall into the stall and wait out what is left of it: 1 s down to nothing.
  EXPECT_NEAR(share_over(ttft, 100), 0.45, 0.06);
  EXPECT_NEAR(share_over(ttft, 500), 0.25, 0.06);
  // The tail is one or two replies out of fifty that the stall's end sets free at once: wider than a median's
  // bound.
  const double true_p99 = stats::quantile(truth, 0.99);
  EXPECT_NEAR(stats::quantile(ttft, 0.99), true_p99, 0.05 * true_p99);
  EXPECT_GT(stats::quantile(ttft, 0.99), 900);
  EXPECT_EQ(result.held_back, 0);
}

// The figure to compare with: one user who waits sees one slow reply in two hundred, and p99 sees nothing.
TEST_F(Stall, AClosedLoopIsBlindToIt) {
  stall_after(300ms);
  load::ClosedLoop plan;
  plan.sessions.emplace_back();
  for (int i = 0; i < 200; ++i) plan.sessions[0].push_back(request());
  const load::LoadResult result = closed(std::move(plan));
  const std::vector<double> ttft = load::latency_figures(result.outcomes).ttft_ms;
  ASSERT_EQ(ttft.size(), 200U);
  EXPECT_LT(stats::quantile(ttft, 0.99), 300);
  EXPECT_GT(*std::max_element(ttft.begin(), ttft.end()), 900);
}

// Even where our own limit keeps requests back, their latency counts from the plan.
TEST_F(Stall, OurLimitHidesNothing) {
  stall_after(500ms);
  load::OpenLoop plan;
  plan.requests = arrivals();
  plan.in_flight_max = 1;
  const load::LoadResult result = open(std::move(plan));
  const load::LatencyFigures figures = load::latency_figures(result.outcomes);
  ASSERT_EQ(figures.ttft_ms.size(), 100U);
  EXPECT_GT(stats::quantile(figures.ttft_ms, 0.99), 900);
  EXPECT_GT(share_over(figures.ttft_ms, 100), 0.4);
  EXPECT_LT(share_over(figures.ttft_send_ms, 100), 0.1) << "from the send on it is as blind as a closed loop";
  EXPECT_GT(result.held_back, 30);
}

}  // namespace
}  // namespace moestress::calibration

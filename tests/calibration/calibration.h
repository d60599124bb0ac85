#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "load/closed_loop.h"
#include "load/open_loop.h"
#include "net/event_loop.h"
#include "stats/quantile.h"
#include "target/target.h"
#include "timed_server.h"

namespace moestress::calibration {

/// One text in the events of a chat stream, of shimmy's SSE, of a WebSocket.
inline std::string chat_event(const std::string& text) {
  return "data: {\"choices\":[{\"delta\":{\"content\":\"" + text + "\"}}]}\n\n";
}

/// What of `served` belongs to an outcome: requests carry their id in the prompt as "#17;".
inline std::string mark(base::RequestId id) { return "#" + std::to_string(id.value) + ";"; }

/// A figure as measured, and what it is in truth.
struct Reading {
  std::string what;
  double measured_ms = 0;
  double truth_ms = 0;

  /// Within 2 % of the truth or 1 ms, whichever is wider.
  bool calibrated() const { return std::abs(measured_ms - truth_ms) <= std::max(1.0, 0.02 * truth_ms); }
};

/// Expects every reading to be calibrated, at once or, where another program on the machine delayed that try,
/// in both of two further ones.
inline void expect_calibrated(const std::function<std::vector<Reading>()>& measure) {
  const auto good = [](const std::vector<Reading>& readings) {
    return std::all_of(readings.begin(), readings.end(), [](const Reading& one) { return one.calibrated(); });
  };
  if (good(measure()) || testing::Test::HasFatalFailure()) return;
  std::cout << "calibration: the first try missed\n";
  for (int further = 0; further < 2; ++further) {
    const std::vector<Reading> readings = measure();
    if (testing::Test::HasFatalFailure()) return;
    for (const Reading& one : readings)
      EXPECT_TRUE(one.calibrated()) << one.what << ": measured " << one.measured_ms << " ms, in truth "
                                    << one.truth_ms << " ms";
  }
}

inline double median(std::vector<double> values) { return stats::quantile(std::move(values), 0.5); }

/// moestress' client side against a TimedServer.
class Calibration : public testing::Test {
 protected:
  Calibration() : epoch_(clock_.now()), thread_([this] { loop_.run(); }) {}
  ~Calibration() override {
    target_.reset();
    std::promise<void> emptied;
    loop_.post([this, &emptied] {
      emptied.set_value();
      loop_.stop();
    });
    emptied.get_future().wait();
    thread_.join();
    server_.reset();
  }

  void serve(TimedServer::Answer answer) { server_ = std::make_unique<TimedServer>(std::move(answer)); }

  void attach(target::Dialect dialect, net::Timeouts timeouts = {}, net::ClientLimits limits = {}) {
    target::TargetSpec spec;
    spec.url = net::parse_url("http://127.0.0.1:" + std::to_string(server_->port())).value();
    spec.dialect = dialect;
    spec.model = "m";
    spec.timeouts = timeouts;
    spec.limits = limits;
    auto target =
        target::Target::start(loop_, clock_, epoch_, std::move(spec), base::Logger(base::LogLevel::Off));
    ASSERT_TRUE(target) << target.error().message;
    target_ = std::move(*target);
  }

  load::Sender sender() {
    load::Sender sender;
    sender.send = [this](const record::Request& request, std::function<void(record::Outcome)> done) {
      return target_->send(request, std::move(done));
    };
    sender.cancel = [this](std::uint64_t id) { target_->cancel(id); };
    return sender;
  }

  record::Request request(record::Endpoint endpoint = record::Endpoint::Chat) {
    record::Request made;
    made.id = {next_id_++};
    made.endpoint = endpoint;
    made.prompt = mark(made.id);
    made.messages = {{"user", mark(made.id)}};
    return made;
  }

  load::LoadResult closed(load::ClosedLoop plan) {
    return load::run_closed_loop(loop_, clock_, epoch_, sender(), std::move(plan), cancelled_);
  }
  load::LoadResult open(load::OpenLoop plan) {
    return load::run_open_loop(loop_, clock_, epoch_, sender(), std::move(plan), cancelled_);
  }
  record::Outcome once(const record::Request& request) {
    load::ClosedLoop plan;
    plan.sessions = {{request}};
    return closed(std::move(plan)).outcomes.at(0);
  }

  /// What the server did for an outcome's request.
  static const Served& served_for(const record::Outcome& outcome, const std::vector<Served>& all) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Served& served) {
      return served.request.body.find(mark(outcome.request)) != std::string::npos;
    });
    if (found == all.end()) throw std::runtime_error("the server has not seen the request");
    return *found;
  }
  base::Duration since_epoch(base::TimePoint at) const { return at - epoch_; }

  base::SystemClock clock_;
  base::TimePoint epoch_;
  net::EventLoop loop_;
  std::thread thread_;
  std::unique_ptr<TimedServer> server_;
  std::unique_ptr<target::Target> target_;
  std::atomic<bool> cancelled_{false};
  std::int64_t next_id_ = 1;
};

}  // namespace moestress::calibration

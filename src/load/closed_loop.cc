#include "load/closed_loop.h"

#include <future>
#include <memory>
#include <utility>

#include "load/dispatcher.h"

namespace moestress::load {
namespace {

using base::TimePoint;

/// One run of a closed loop. Shared by its callbacks; loop thread only, but for `over`.
class ClosedRun : public std::enable_shared_from_this<ClosedRun> {
 public:
  ClosedRun(std::shared_ptr<Dispatcher> dispatcher, ClosedLoop plan)
      : dispatcher_(std::move(dispatcher)), plan_(std::move(plan)), sessions_(plan_.sessions.size()) {}

  std::future<void> over() { return over_.get_future(); }

  void start(const std::atomic<bool>& cancelled) {
    running_ = sessions_.size() + 1;
    const TimePoint begin = dispatcher_->now();
    if (plan_.stop_after) stop_at_ = begin + *plan_.stop_after;
    if (plan_.hang_up_after) dispatcher_->hang_up_after(*plan_.hang_up_after);
    dispatcher_->watch(cancelled, [self = shared_from_this()] { self->cancel(); });
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      const auto& requests = plan_.sessions[i];
      plan_next(i, requests.empty() ? begin : begin + requests.front().planned_start);
    }
    end_session();  // the one that stood for the loop above
  }

 private:
  struct Session {
    std::size_t next = 0;
    std::uint64_t timer = 0;
  };

  /// The session's next request is to start at `when`.
  void plan_next(std::size_t index, TimePoint when) {
    Session& session = sessions_[index];
    const std::size_t left = plan_.sessions[index].size() - session.next;
    if (left == 0 || cancelled_ || when > stop_at_) {
      dispatcher_->add_unsent(static_cast<std::int64_t>(left));
      end_session();
      return;
    }
    plan_.sessions[index][session.next].planned_start = when - dispatcher_->epoch();
    if (when <= dispatcher_->now()) {
      send(index);  // no detour through a timer: it would only make us late
      return;
    }
    session.timer = dispatcher_->loop().at(when, [self = shared_from_this(), index] {
      self->sessions_[index].timer = 0;
      self->send(index);
    });
  }

  void send(std::size_t index) {
    Session& session = sessions_[index];
    const record::Request& request = plan_.sessions[index][session.next++];
    dispatcher_->send(request, false, [self = shared_from_this(), index](const record::Outcome& outcome) {
      self->after(index, outcome);
    });
  }

  void after(std::size_t index, const record::Outcome& outcome) {
    auto& requests = plan_.sessions[index];
    const std::size_t next = sessions_[index].next;
    TimePoint when = dispatcher_->epoch() + outcome.done + plan_.think_time;
    if (next < requests.size() && plan_.prepare && !cancelled_) {
      const TimePoint began = dispatcher_->now();
      plan_.prepare(requests[next], outcome);
      when += dispatcher_->now() - began;  // composing from the reply is no lateness of ours
    }
    plan_next(index, when);
  }

  void cancel() {
    cancelled_ = true;
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      Session& session = sessions_[i];
      if (session.timer == 0) continue;
      dispatcher_->loop().cancel_timer(std::exchange(session.timer, 0));
      dispatcher_->add_unsent(static_cast<std::int64_t>(plan_.sessions[i].size() - session.next));
      end_session();
    }
  }

  void end_session() {
    if (--running_ > 0) return;
    dispatcher_->unwatch();
    over_.set_value();
  }

  const std::shared_ptr<Dispatcher> dispatcher_;
  ClosedLoop plan_;
  std::vector<Session> sessions_;
  std::size_t running_ = 0;
  TimePoint stop_at_ = TimePoint::max();
  bool cancelled_ = false;
  std::promise<void> over_;
};

}  // namespace

LoadResult run_closed_loop(net::EventLoop& loop, const base::Clock& clock, TimePoint epoch,
                           const Sender& sender, ClosedLoop plan, const std::atomic<bool>& cancelled) {
  const auto dispatcher = std::make_shared<Dispatcher>(loop, clock, epoch, sender, plan.on_outcome);
  const auto run = std::make_shared<ClosedRun>(dispatcher, std::move(plan));
  auto over = run->over();
  loop.post([run, &cancelled] { run->start(cancelled); });
  over.wait();
  return dispatcher->take_result();
}

}  // namespace moestress::load

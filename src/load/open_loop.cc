#include "load/open_loop.h"

#include <algorithm>
#include <deque>
#include <future>
#include <memory>
#include <utility>

#include "load/dispatcher.h"

namespace moestress::load {
namespace {

using base::TimePoint;

/// One run of an open loop. Shared by its callbacks; loop thread only, but for `over`.
class OpenRun : public std::enable_shared_from_this<OpenRun> {
 public:
  OpenRun(std::shared_ptr<Dispatcher> dispatcher, OpenLoop plan)
      : dispatcher_(std::move(dispatcher)),
        requests_(std::move(plan.requests)),
        in_flight_max_(static_cast<std::size_t>(std::max(1, plan.in_flight_max))) {
    std::stable_sort(
        requests_.begin(), requests_.end(),
        [](const record::Request& a, const record::Request& b) { return a.planned_start < b.planned_start; });
  }

  std::future<void> over() { return over_.get_future(); }

  void start(const std::atomic<bool>& cancelled) {
    const base::Duration begin = dispatcher_->now() - dispatcher_->epoch();
    for (record::Request& request : requests_) request.planned_start += begin;
    dispatcher_->watch(cancelled, [self = shared_from_this()] { self->cancel(); });
    send_due();
  }

 private:
  TimePoint planned(std::size_t index) const { return dispatcher_->epoch() + requests_[index].planned_start; }

  /// Sends all whose time has come, and sets the timer for the next.
  void send_due() {
    while (next_ < requests_.size() && planned(next_) <= dispatcher_->now()) {
      const std::size_t index = next_++;
      if (dispatcher_->in_flight() >= in_flight_max_) {
        waiting_.push_back(index);
      } else {
        send(index, false);
      }
    }
    if (next_ < requests_.size()) {
      timer_ = dispatcher_->loop().at(planned(next_), [self = shared_from_this()] {
        self->timer_ = 0;
        self->send_due();
      });
    }
    end_if_over();
  }

  void send(std::size_t index, bool held_back) {
    dispatcher_->send(requests_[index], held_back, [self = shared_from_this()](const record::Outcome&) {
      if (!self->waiting_.empty() && self->dispatcher_->in_flight() < self->in_flight_max_) {
        const std::size_t waited = self->waiting_.front();
        self->waiting_.pop_front();
        self->send(waited, true);
      }
      self->end_if_over();
    });
  }

  void cancel() {
    if (timer_ != 0) dispatcher_->loop().cancel_timer(std::exchange(timer_, 0));
    dispatcher_->add_unsent(static_cast<std::int64_t>(requests_.size() - next_ + waiting_.size()));
    next_ = requests_.size();
    waiting_.clear();
    end_if_over();
  }

  void end_if_over() {
    if (over_told_ || next_ < requests_.size() || !waiting_.empty() || dispatcher_->in_flight() > 0) return;
    over_told_ = true;
    dispatcher_->unwatch();
    over_.set_value();
  }

  const std::shared_ptr<Dispatcher> dispatcher_;
  std::vector<record::Request> requests_;  ///< by planned start
  const std::size_t in_flight_max_;
  std::size_t next_ = 0;
  std::deque<std::size_t> waiting_;  ///< due, held back by the limit
  std::uint64_t timer_ = 0;
  bool over_told_ = false;
  std::promise<void> over_;
};

}  // namespace

LoadResult run_open_loop(net::EventLoop& loop, const base::Clock& clock, TimePoint epoch,
                         const Sender& sender, OpenLoop plan, const std::atomic<bool>& cancelled) {
  const auto dispatcher = std::make_shared<Dispatcher>(loop, clock, epoch, sender, plan.on_outcome);
  const auto run = std::make_shared<OpenRun>(dispatcher, std::move(plan));
  auto over = run->over();
  loop.post([run, &cancelled] { run->start(cancelled); });
  over.wait();
  return dispatcher->take_result();
}

}  // namespace moestress::load

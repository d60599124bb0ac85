#include "load/endless_loop.h"

#include <future>
#include <map>
#include <utility>

namespace moestress::load {
namespace {

constexpr base::Duration kLookEvery = std::chrono::milliseconds(50);

}  // namespace

/// Shared by its callbacks; loop thread only.
class EndlessLoop::Run : public std::enable_shared_from_this<Run> {
 public:
  Run(net::EventLoop& loop, const base::Clock& clock, base::TimePoint epoch, Sender sender, Next next,
      const std::atomic<bool>& cancelled)
      : loop_(loop),
        clock_(clock),
        epoch_(epoch),
        sender_(std::move(sender)),
        next_(std::move(next)),
        cancelled_(cancelled) {}

  void start(std::size_t sessions) {
    watch();
    for (std::size_t session = 0; session < sessions; ++session) step(session, nullptr);
  }

  std::vector<record::Outcome> take() { return std::exchange(ended_, {}); }

  /// Sends nothing more; `over` is called once nothing is in flight.
  void end(bool cancel, std::function<void()> over) {
    ending_ = true;
    over_ = std::move(over);
    for (const auto& [session, timer] : waiting_) loop_.cancel_timer(timer);
    waiting_.clear();
    if (cancel) cancel_in_flight();
    look_for_end();
  }

 private:
  void step(std::size_t session, const record::Outcome* previous) {
    if (ending_ || cancelled_) return;
    Step turn = next_(session, previous);
    if (turn.wait <= base::Duration{0}) return send(session, std::move(turn.request));
    const auto request = std::make_shared<record::Request>(std::move(turn.request));
    waiting_[session] = loop_.at(clock_.now() + turn.wait, [self = shared_from_this(), session, request] {
      self->waiting_.erase(session);
      if (!self->cancelled_) self->send(session, std::move(*request));
    });
  }

  void send(std::size_t session, record::Request request) {
    request.planned_start = clock_.now() - epoch_;
    ++in_flight_count_;
    in_flight_[session] =
        sender_.send(request, [self = shared_from_this(), session](record::Outcome outcome) {
          --self->in_flight_count_;
          self->in_flight_.erase(session);
          self->ended_.push_back(outcome);
          self->step(session, &outcome);
          self->look_for_end();
        });
  }

  void watch() {
    watch_timer_ = loop_.at(clock_.now() + kLookEvery, [self = shared_from_this()] {
      if (!self->cancelled_) return self->watch();
      self->watch_timer_ = 0;
      self->cancel_in_flight();
    });
  }

  void cancel_in_flight() {
    const auto ids = in_flight_;
    for (const auto& [session, id] : ids) sender_.cancel(id);
  }

  void look_for_end() {
    if (!over_ || in_flight_count_ > 0) return;
    if (watch_timer_ != 0) loop_.cancel_timer(std::exchange(watch_timer_, 0));
    std::exchange(over_, {})();
  }

  net::EventLoop& loop_;
  const base::Clock& clock_;
  const base::TimePoint epoch_;
  const Sender sender_;
  const Next next_;
  const std::atomic<bool>& cancelled_;
  std::map<std::size_t, std::uint64_t> in_flight_;  ///< by session: the sender's id
  std::map<std::size_t, std::uint64_t> waiting_;    ///< by session: the timer
  std::size_t in_flight_count_ = 0;
  std::vector<record::Outcome> ended_;
  std::function<void()> over_;
  std::uint64_t watch_timer_ = 0;
  bool ending_ = false;
};

EndlessLoop::EndlessLoop(net::EventLoop& loop, const base::Clock& clock, base::TimePoint epoch, Sender sender,
                         std::size_t sessions, Next next, const std::atomic<bool>& cancelled)
    : run_(std::make_shared<Run>(loop, clock, epoch, std::move(sender), std::move(next), cancelled)),
      loop_(loop) {
  loop_.post([run = run_, sessions] { run->start(sessions); });
}

EndlessLoop::~EndlessLoop() { finish(true); }

std::vector<record::Outcome> EndlessLoop::take() {
  std::promise<std::vector<record::Outcome>> taken;
  loop_.post([run = run_, &taken] { taken.set_value(run->take()); });
  return taken.get_future().get();
}

void EndlessLoop::finish(bool cancel) {
  std::promise<void> over;
  loop_.post([run = run_, cancel, &over] { run->end(cancel, [&over] { over.set_value(); }); });
  over.get_future().wait();
}

}  // namespace moestress::load

#include "load/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace moestress::load {

namespace {
constexpr base::Duration kLookEvery = std::chrono::milliseconds(50);
}

Dispatcher::Dispatcher(net::EventLoop& loop, const base::Clock& clock, base::TimePoint epoch, Sender sender,
                       OnOutcome on_outcome)
    : loop_(loop),
      clock_(clock),
      epoch_(epoch),
      sender_(std::move(sender)),
      on_outcome_(std::move(on_outcome)) {}

void Dispatcher::send(const record::Request& request, bool held_back, Done done) {
  if (held_back) {
    ++result_.held_back;
  } else {
    const base::Duration late = now() - (epoch_ + request.planned_start);
    lag_ms_.push_back(std::max(0.0, base::to_ms(late)));
  }
  const std::uint64_t ours = next_++;
  in_flight_[ours] = {};
  const std::uint64_t theirs = sender_.send(
      request, [self = shared_from_this(), ours, done = std::move(done)](record::Outcome outcome) {
        if (const auto ended = self->in_flight_.find(ours); ended != self->in_flight_.end()) {
          if (ended->second.timer != 0) self->loop_.cancel_timer(ended->second.timer);
          self->in_flight_.erase(ended);
        }
        if (self->on_outcome_) self->on_outcome_(outcome);
        self->outcomes_.push_back(std::move(outcome));
        done(self->outcomes_.back());
      });
  const auto found = in_flight_.find(ours);
  if (found == in_flight_.end()) return;
  found->second.theirs = theirs;
  if (!hang_up_after_) return;
  found->second.timer = loop_.at(now() + *hang_up_after_, [self = shared_from_this(), ours, theirs] {
    if (const auto late = self->in_flight_.find(ours); late != self->in_flight_.end()) late->second.timer = 0;
    self->sender_.cancel(theirs);
  });
}

void Dispatcher::watch(const std::atomic<bool>& cancelled, std::function<void()> on_cancel) {
  watch_timer_ = loop_.at(now() + kLookEvery, [self = shared_from_this(), &cancelled, on_cancel] {
    self->look(cancelled, on_cancel);
  });
}

void Dispatcher::look(const std::atomic<bool>& cancelled, std::function<void()> on_cancel) {
  watch_timer_ = 0;
  if (!cancelled) {
    watch(cancelled, std::move(on_cancel));
    return;
  }
  const auto ending = in_flight_;
  on_cancel();  // first, so that nothing follows those that end now
  for (const auto& [ours, request] : ending) sender_.cancel(request.theirs);
}

void Dispatcher::unwatch() {
  if (watch_timer_ != 0) loop_.cancel_timer(watch_timer_);
  watch_timer_ = 0;
}

LoadResult Dispatcher::take_result() {
  result_.outcomes.assign(std::make_move_iterator(outcomes_.begin()),
                          std::make_move_iterator(outcomes_.end()));
  outcomes_.clear();
  std::stable_sort(result_.outcomes.begin(), result_.outcomes.end(),
                   [](const record::Outcome& a, const record::Outcome& b) { return a.planned < b.planned; });
  result_.lag = client_lag(std::move(lag_ms_));
  judge_lag(result_);
  return std::move(result_);
}

}  // namespace moestress::load

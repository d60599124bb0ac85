#include "net/deadline.h"

#include <utility>

namespace moestress::net {

Deadline::Deadline(EventLoop& loop, std::function<void()> expired)
    : loop_(loop), expired_(std::move(expired)) {}

Deadline::~Deadline() {
  if (timer_ != 0) loop_.cancel_timer(timer_);
}

void Deadline::set(base::TimePoint due) {
  due_ = due;
  if (due_ < armed_for_) arm();
}

void Deadline::arm() {
  if (timer_ != 0) loop_.cancel_timer(timer_);
  armed_for_ = due_;
  timer_ = loop_.at(due_, [this] { on_timer(); });
}

void Deadline::on_timer() {
  timer_ = 0;
  armed_for_ = base::TimePoint::max();
  if (due_ == base::TimePoint::max()) return;
  if (due_ > loop_.now()) {
    arm();
    return;
  }
  due_ = base::TimePoint::max();
  const auto expired = expired_;  // it may end the connection that owns this
  expired();
}

}  // namespace moestress::net

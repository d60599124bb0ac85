#include "net/event_loop.h"

#include <boost/asio/post.hpp>

#include "net/asio_loop.h"

namespace moestress::net {

EventLoop::Sockets::~Sockets() {
  // Tasks may own sockets, whose context must still be there; their owners may cancel timers while they die.
  const auto doomed = std::move(timers);
  timers.clear();
  due.clear();
}

void EventLoop::Sockets::arm() {
  if (timers.empty()) return;
  const base::TimePoint first = timers.begin()->first.first;
  if (first >= armed_for) return;  // the alarm rings early enough, and is set anew then
  armed_for = first;
  alarm.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(first));
  alarm.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // replaced by an earlier one, or the loop is going down
    armed_for = base::TimePoint::max();
    ring();
  });
}

void EventLoop::Sockets::ring() {
  const base::TimePoint now = std::chrono::steady_clock::now();
  while (!timers.empty() && timers.begin()->first.first <= now) {
    const auto task = std::move(timers.begin()->second);
    due.erase(timers.begin()->first.second);
    timers.erase(timers.begin());
    task();
  }
  arm();
}

EventLoop::EventLoop() : sockets_(std::make_unique<Sockets>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  sockets_->context.run();
  sockets_->context.restart();
}

void EventLoop::stop() { sockets_->context.stop(); }

void EventLoop::post(std::function<void()> task) { boost::asio::post(sockets_->context, std::move(task)); }

std::uint64_t EventLoop::at(base::TimePoint when, std::function<void()> task) {
  const std::uint64_t timer = sockets_->next_timer++;
  sockets_->timers.emplace(std::pair(when, timer), std::move(task));
  sockets_->due.emplace(timer, when);
  sockets_->arm();
  return timer;
}

void EventLoop::cancel_timer(std::uint64_t timer) {
  const auto found = sockets_->due.find(timer);
  if (found == sockets_->due.end()) return;
  const auto entry = sockets_->timers.find(std::pair(found->second, timer));
  sockets_->due.erase(found);
  const auto task =
      std::move(entry->second);  // dies after the table is whole again: it may own who cancels more
  sockets_->timers.erase(entry);
}

base::TimePoint EventLoop::now() const { return std::chrono::steady_clock::now(); }

}  // namespace moestress::net

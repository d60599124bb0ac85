#include "protocol/marathon.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace moestress::protocol {
namespace {

/// One unbroken stretch: from a start of the threads to the end of the time, a death or cancellation.
class Stretch {
 public:
  Stretch(const MarathonPlan& plan, MarathonCourse& course, MarathonLedger& ledger, workload::RequestIds& ids)
      : plan_(plan), course_(course), ledger_(ledger), ids_(ids) {
    for (std::size_t i = 0; i < plan.threads; ++i)
      threads_.emplace_back(plan.shape, static_cast<int>(i), ledger.position(i));
  }

  base::Status run() {
    MOESTRESS_TRY_STATUS(course_.start(
        plan_.threads,
        [this](std::size_t thread, const record::Outcome* previous) { return step(thread, previous); }));
    ledger_.begin_segment(course_.now());
    began_ = course_.now();
    wall_ = course_.wall_now();
    const base::Duration end = began_ + base::from_seconds(plan_.seconds - ledger_.active_seconds());
    bool dead = false;
    while (!dead && !course_.cancelled() && course_.now() < end && !hopeless()) {
      const base::Duration until =
          std::min(end, course_.now() + base::from_seconds(plan_.checkpoint_seconds));
      MarathonSlice slice = course_.advance(until);
      dead = slice.death.has_value();
      ledger_.fold(slice);
      if (!dead && !course_.cancelled() && until < end) keep();
    }
    const bool frozen = !dead && ledger_.frozen(course_.now());
    if (frozen) ledger_.note_frozen(course_.now());
    ledger_.fold(course_.finish(frozen));
    keep();
    return {};
  }

 private:
  load::EndlessLoop::Step step(std::size_t thread, const record::Outcome* previous) {
    const base::SessionId session{plan_.first_session.value + static_cast<std::int64_t>(thread)};
    load::EndlessLoop::Step turn{threads_[thread].next(ids_, session, previous)};
    if (previous != nullptr && !previous->ok()) turn.wait = kMarathonRetryAfter;
    return turn;
  }

  bool hopeless() const {
    const double patience = std::min(kMarathonPatienceSeconds, plan_.seconds / 2);
    return ledger_.failures_in_a_row() > static_cast<std::int64_t>(plan_.threads) &&
           base::to_seconds(course_.now() - ledger_.last_success()) > patience;
  }

  void keep() {
    look_at_clocks();
    course_.keep(ledger_.close(course_.now()));
  }

  void look_at_clocks() {
    const base::Duration now = course_.now();
    const base::WallTime wall = course_.wall_now();
    const double jump = base::to_seconds((wall - wall_) - (now - looked_.value_or(began_)));
    wall_ = wall;
    looked_ = now;
    if (std::abs(jump) <= kClockJumpSeconds) return;
    ledger_.note_clock_jump(jump);
    course_.note_event("clock-jump",
                       fmt::format("the wall clock went {} {} than the time that passed: the machine slept, "
                                   "or the clock was set",
                                   base::human_seconds(std::abs(jump)), jump > 0 ? "further" : "less far"));
  }

  const MarathonPlan& plan_;
  MarathonCourse& course_;
  MarathonLedger& ledger_;
  workload::RequestIds& ids_;
  std::vector<workload::MarathonThread> threads_;  ///< after start(): the course's thread only
  base::Duration began_{0};
  base::WallTime wall_{};
  std::optional<base::Duration> looked_;
};

}  // namespace

base::Status run_marathon(const MarathonPlan& plan, MarathonCourse& course, MarathonLedger& ledger,
                          workload::RequestIds& ids) {
  while (ledger.active_seconds() < plan.seconds && !course.cancelled()) {
    const std::int64_t deaths = ledger.deaths();
    Stretch stretch(plan, course, ledger, ids);
    MOESTRESS_TRY_STATUS(stretch.run());
    if (ledger.deaths() == deaths) break;  // the time is up, or the server was given up
    if (ledger.deaths() > kMarathonDeathsMax) break;
  }
  return {};
}

}  // namespace moestress::protocol

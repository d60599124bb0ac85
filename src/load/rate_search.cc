#include "load/rate_search.h"

#include <algorithm>
#include <cmath>

namespace moestress::load {

Holding holding(const RateTrial& trial, double share_min) {
  if (trial.queue_grows) return Holding::Misses;
  const auto interval = stats::wilson(static_cast<double>(trial.met), static_cast<double>(trial.n));
  if (interval.lo >= share_min) return Holding::Holds;
  if (interval.hi < share_min) return Holding::Misses;
  return trial.share() >= share_min ? Holding::SeemsToHold : Holding::SeemsToMiss;
}

bool RateSearch::holds(const RateTrial& trial) const {
  const Holding answer = holding(trial, options_.share_min);
  return answer == Holding::Holds || answer == Holding::SeemsToHold;
}

std::optional<RateTrial> RateSearch::missed() const {
  for (const RateTrial& trial : trials_)
    if (!holds(trial)) return trial;
  return std::nullopt;
}

std::optional<RateTrial> RateSearch::held() const {
  std::optional<RateTrial> best;
  for (const RateTrial& trial : trials_) {
    if (!holds(trial)) break;  // ascending: above a rate that missed nothing counts as held
    best = trial;
  }
  return best;
}

bool RateSearch::confirmed() const {
  const auto best = held();
  if (!best) return false;
  for (std::size_t i = 0; i < trials_.size(); ++i)
    if (trials_[i].rate_per_s == best->rate_per_s) return runs_[i] > 1;
  return false;
}

std::optional<double> RateSearch::next_to_try() const {
  if (searched_ >= options_.trials_max) return std::nullopt;
  const auto low = held(), high = missed();
  double rate = options_.start_per_s;
  if (low && high) {
    if (high->rate_per_s / low->rate_per_s <= 1 + options_.tolerance) return std::nullopt;
    rate = std::sqrt(low->rate_per_s * high->rate_per_s);
  } else if (low) {
    rate = low->rate_per_s * options_.growth;
  } else if (high) {
    rate = high->rate_per_s / options_.growth;
  }
  rate = std::clamp(rate, options_.lowest_per_s, options_.highest_per_s);
  const bool tried = std::any_of(trials_.begin(), trials_.end(),
                                 [rate](const RateTrial& trial) { return trial.rate_per_s == rate; });
  return tried ? std::nullopt : std::optional(rate);
}

std::optional<double> RateSearch::next() const {
  if (confirmations_ == 0)
    if (const auto rate = next_to_try()) return rate;
  const auto best = held();
  if (!best || confirmed() || confirmations_ >= kConfirmationsMax) return std::nullopt;
  return best->rate_per_s;
}

void RateSearch::add(const RateTrial& trial) {
  const auto place =
      std::lower_bound(trials_.begin(), trials_.end(), trial.rate_per_s,
                       [](const RateTrial& known, double rate) { return known.rate_per_s < rate; });
  const auto index = place - trials_.begin();
  if (place != trials_.end() && place->rate_per_s == trial.rate_per_s) {
    place->n += trial.n;
    place->met += trial.met;
    place->queue_grows = place->queue_grows || trial.queue_grows;
    ++runs_[static_cast<std::size_t>(index)];
    ++confirmations_;
    return;
  }
  trials_.insert(place, trial);
  runs_.insert(runs_.begin() + index, 1);
  ++searched_;
}

}  // namespace moestress::load

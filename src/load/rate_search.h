#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stats/interval.h"

namespace moestress::load {

/// What came of an open loop at one rate.
struct RateTrial {
  double rate_per_s = 0;
  std::int64_t n = 0;
  std::int64_t met = 0;      ///< of n, requests that met the objective
  bool queue_grows = false;  ///< the latency rose for as long as requests came: no rate to hold for long
  double share() const { return n > 0 ? static_cast<double>(met) / static_cast<double>(n) : 0; }
};

/// Whether a rate holds the objective, and how sure that is.
enum class Holding : std::uint8_t {
  Holds,        ///< the share's lower Wilson limit reaches what is asked
  SeemsToHold,  ///< the share does
  SeemsToMiss,  ///< neither the share …
  Misses,       ///< … nor its upper limit; or the queue grows
};
Holding holding(const RateTrial& trial, double share_min);

/// Looks for the highest rate at which a given share of requests meets the objective: up from a first guess
/// until a rate misses (or down until one holds), then halving the ratio between the two, then held once more
/// to confirm. Trials of one rate are pooled. Pure: the caller runs the trials. One owner, one thread.
class RateSearch {
 public:
  struct Options {
    double start_per_s = 1;      ///< first guess
    double share_min = 0.9;      ///< of requests, that have to meet the objective
    int trials_max = 8;          ///< without those that confirm
    double growth = 1.5;         ///< from rate to rate until held and missed are both known
    double tolerance = 0.1;      ///< how near to each other those are then brought, as a share
    double lowest_per_s = 0;     ///< no rate below is tried
    double highest_per_s = 1e6;  ///< nor above
  };
  static constexpr int kConfirmationsMax = 2;

  explicit RateSearch(Options options) : options_(options) {}

  /// The rate to try next; nothing once the search is over.
  std::optional<double> next() const;
  void add(const RateTrial& trial);

  /// The highest rate that held below the lowest that missed; nothing where none did.
  std::optional<RateTrial> held() const;
  std::optional<RateTrial> missed() const;
  /// Whether held() was tried a second time and still holds.
  bool confirmed() const;
  /// By rate, pooled.
  const std::vector<RateTrial>& trials() const { return trials_; }

 private:
  bool holds(const RateTrial& trial) const;
  std::optional<double> next_to_try() const;

  Options options_;
  std::vector<RateTrial> trials_;  ///< ascending by rate, one for each
  std::vector<int> runs_;          ///< parallel: how often each was run
  int searched_ = 0;
  int confirmations_ = 0;
};

}  // namespace moestress::load

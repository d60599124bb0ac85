#include "load/rate_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <queue>

#include "base/random.h"
#include "stats/trend.h"

namespace moestress::load {
namespace {

constexpr double kServiceSeconds = 1;
constexpr int kServers = 4;
constexpr double kWaitMax = 0.5;

/// An M/M/c queue: Poisson arrivals, exponential service, `kServers` slots, first come first served.
RateTrial simulate(double rate, int requests, std::uint64_t seed) {
  base::Random random(seed);
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  for (int i = 0; i < kServers; ++i) free_at.push(0);
  RateTrial trial{rate, requests, 0, false};
  std::vector<double> planned, waited;
  double at = 0;
  for (int i = 0; i < requests; ++i) {
    at += random.exponential(1 / rate);
    const double begin = std::max(at, free_at.top());
    free_at.pop();
    free_at.push(begin + random.exponential(kServiceSeconds));
    planned.push_back(at);
    waited.push_back(begin - at);
    trial.met += begin - at <= kWaitMax ? 1 : 0;
  }
  trial.queue_grows = stats::theil_sen(planned, waited).interval.lo > 0.05;
  return trial;
}

/// P[wait > t] of M/M/c: Erlang's C · exp(−(cμ − λ) t).
double late_share(double rate) {
  const double a = rate * kServiceSeconds;
  double term = 1, sum = 0;
  for (int k = 0; k < kServers; ++k) {
    sum += term;
    term *= a / (k + 1);
  }
  const double queued = term * kServers / (kServers - a);
  return queued / (sum + queued) * std::exp(-(kServers / kServiceSeconds - rate) * kWaitMax);
}

/// The rate at which 10 % wait too long.
double true_rate() {
  double low = 0.01, high = kServers / kServiceSeconds - 0.01;
  while (high - low > 1e-6) (late_share((low + high) / 2) > 0.1 ? high : low) = (low + high) / 2;
  return low;
}

double run(RateSearch& search, int requests, std::uint64_t seed) {
  int trials = 0;
  while (const auto rate = search.next()) {
    search.add(simulate(*rate, requests, seed * 1000 + static_cast<std::uint64_t>(trials++)));
    EXPECT_LT(trials, 50);
    if (trials >= 50) break;
  }
  return search.held() ? search.held()->rate_per_s : 0;
}

TEST(RateSearch, FindsTheRateOfAQueueWithLongTrials) {
  for (const double start : {0.3, 1.0, 3.5, 20.0}) {
    RateSearch search({.start_per_s = start, .trials_max = 25, .tolerance = 0.02});
    EXPECT_NEAR(run(search, 100'000, 1), true_rate(), 0.04 * true_rate()) << start;
    EXPECT_TRUE(search.confirmed()) << start;
    EXPECT_LT(search.missed()->rate_per_s / search.held()->rate_per_s, 1.021) << start;
  }
}

TEST(RateSearch, NoiseOfShortTrialsDoesNotLeadItFarAstray) {
  std::vector<double> found;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    RateSearch search({.start_per_s = 1.5, .trials_max = 8});
    found.push_back(run(search, 120, seed));
  }
  std::sort(found.begin(), found.end());
  EXPECT_NEAR(found[30], true_rate(), 0.25 * true_rate());
  EXPECT_GT(found[3], 0.5 * true_rate());
  EXPECT_LT(found[56], 1.35 * true_rate());
}

TEST(RateSearch, ARateThatDoesNotHoldTwiceIsGivenUp) {
  RateSearch search({.start_per_s = 10, .trials_max = 3});
  search.add({*search.next(), 100, 100, false});  // 10
  search.add({*search.next(), 100, 91, false});   // 15: luck
  search.add({*search.next(), 100, 10, false});   // 22.5
  ASSERT_EQ(search.next(), 15.0) << "to confirm";
  search.add({15, 100, 70, false});
  ASSERT_EQ(search.next(), 10.0) << "the next lower one";
  search.add({10, 100, 99, false});
  EXPECT_EQ(search.next(), std::nullopt);
  EXPECT_EQ(search.held()->rate_per_s, 10);
  EXPECT_EQ(search.held()->n, 200);
  EXPECT_TRUE(search.confirmed());
  EXPECT_EQ(search.missed()->rate_per_s, 15);
}

TEST(RateSearch, StopsAtItsBoundsAndBudget) {
  RateSearch slow({.start_per_s = 1, .trials_max = 9, .lowest_per_s = 0.5});
  while (const auto rate = slow.next()) slow.add({*rate, 50, 0, false});
  EXPECT_FALSE(slow.held());
  EXPECT_EQ(slow.missed()->rate_per_s, 0.5);
  EXPECT_EQ(slow.trials().size(), 3U);  // 1, 0.67, 0.5
  RateSearch fast({.start_per_s = 1, .trials_max = 3});
  int trials = 0;
  while (const auto rate = fast.next()) {
    fast.add({*rate, 50, 50, false});
    ++trials;
  }
  EXPECT_EQ(trials, 4) << "three and the confirmation";
  EXPECT_FALSE(fast.missed());
  EXPECT_DOUBLE_EQ(fast.held()->rate_per_s, 2.25);
}

TEST(RateSearch, SaysHowSureItIs) {
  EXPECT_EQ(holding({1, 35, 35, false}, 0.9), Holding::Holds);
  EXPECT_EQ(holding({1, 34, 34, false}, 0.9), Holding::SeemsToHold);
  EXPECT_EQ(holding({1, 10, 8, false}, 0.9), Holding::SeemsToMiss);
  EXPECT_EQ(holding({1, 10, 5, false}, 0.9), Holding::Misses);
  EXPECT_EQ(holding({1, 100, 100, true}, 0.9), Holding::Misses) << "the queue grows";
}

}  // namespace
}  // namespace moestress::load

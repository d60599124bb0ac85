#include "experts/cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <list>
#include <map>

#include "experts/trace_testing.h"

namespace moestress::experts {
namespace {

using Traces = std::vector<record::RoutingTrace>;

/// LRU of one size, written down as one would say it.
double plain_lru(const record::RoutingTrace& trace, std::size_t size) {
  std::list<std::uint16_t> held;  // most recent first
  double hits = 0;
  for (std::size_t token = 0; token < trace.tokens; ++token) {
    const auto chosen = trace.chosen(token, 0);
    for (std::uint16_t e : chosen) hits += std::find(held.begin(), held.end(), e) != held.end() ? 1 : 0;
    for (std::size_t i = chosen.size(); i-- > 0;) {
      held.remove(chosen[i]);
      held.push_front(chosen[i]);
    }
    while (held.size() > size) held.pop_back();
  }
  return hits / static_cast<double>(trace.ids.size());
}

/// The most hits that any sequence of decisions gives: all contents of a cache of at most `size`, token by
/// token.
double best_of_all(const record::RoutingTrace& trace, int size) {
  std::map<unsigned, double> best = {{0U, 0.0}};  // contents as bits -> hits so far
  for (std::size_t token = 0; token < trace.tokens; ++token) {
    unsigned wanted = 0;
    for (std::uint16_t e : trace.chosen(token, 0)) wanted |= 1U << e;
    std::map<unsigned, double> next;
    for (const auto& [held, hits] : best) {
      const double now = hits + std::popcount(held & wanted);
      const unsigned may_hold = held | wanted;
      for (unsigned kept = may_hold;; kept = (kept - 1) & may_hold) {
        if (std::popcount(kept) <= size) next[kept] = std::max(next[kept], now);
        if (kept == 0) break;
      }
    }
    best = std::move(next);
  }
  double hits = 0;
  for (const auto& [held, count] : best) hits = std::max(hits, count);
  return hits / static_cast<double>(trace.ids.size());
}

TEST(CacheCurves, AgreeWithHandReckoning) {
  // 0 1 2 0 1 2 …: LRU of two holds just the wrong ones, Belady keeps one of them over.
  std::vector<std::vector<std::uint16_t>> chosen;
  chosen.reserve(12);
  for (int i = 0; i < 12; ++i) chosen.push_back({static_cast<std::uint16_t>(i % 3)});
  const auto curves = cache_curves(Traces{one_layer(4, chosen)}, 1);
  ASSERT_EQ(curves.size(), 1U);
  const CacheCurve& curve = curves[0];
  EXPECT_EQ(curve.layer, 5);
  EXPECT_EQ(curve.lookups, 12);
  EXPECT_EQ(curve.lru, (std::vector<double>{0, 0, 0, 9.0 / 12, 9.0 / 12}));
  EXPECT_NEAR(curve.fixed[1], 4.0 / 12, 1e-12);
  EXPECT_NEAR(curve.fixed[2], 8.0 / 12, 1e-12);
  EXPECT_NEAR(curve.fixed[3], 1, 1e-12);
  EXPECT_NEAR(curve.belady[2], best_of_all(one_layer(4, chosen), 2), 1e-12);
  EXPECT_GT(curve.belady[2], 0.4);
  EXPECT_EQ(curve.belady[0], 0);
}

TEST(CacheCurves, AllOfATokenAreLookedUpBeforeAnyIsBroughtIn) {
  const auto curves = cache_curves(Traces{one_layer(4, {{0, 1}, {1, 0}, {2, 3}, {0, 1}})}, 1);
  EXPECT_EQ(curves[0].lru[2], 2.0 / 8);
  EXPECT_EQ(curves[0].lru[4], 4.0 / 8);
  EXPECT_EQ(curves[0].lru[1], 1.0 / 8);  // a cache smaller than k keeps the router's first choice
  EXPECT_EQ(curves[0].lru[3], 3.0 / 8);  // 3, 2 came after 1, 0: only the more recent of these is left
}

TEST(CacheCurves, LruAgreesWithASimulationOfEachSize) {
  base::Random random(21);
  for (int k : {1, 3}) {
    const Traces traces = {random_trace(random, 500, 1, 12, k, 0.5)};
    const CacheCurve curve = cache_curves(traces, 1)[0];
    for (std::size_t size = 0; size <= 12; ++size)
      EXPECT_NEAR(curve.lru[size], plain_lru(traces[0], size), 1e-12);
  }
}

TEST(CacheCurves, NothingBeatsBelady) {
  base::Random random(22);
  for (int run = 0; run < 12; ++run) {
    const int k = 1 + run % 2;
    const Traces traces = {random_trace(random, 40, 1, 6, k, 0.4)};
    const CacheCurve curve = cache_curves(traces, 1)[0];
    for (int size = 0; size <= 6; ++size) {
      EXPECT_NEAR(curve.belady[static_cast<std::size_t>(size)], best_of_all(traces[0], size), 1e-12) << size;
      EXPECT_LE(curve.lru[static_cast<std::size_t>(size)],
                curve.belady[static_cast<std::size_t>(size)] + 1e-12);
      EXPECT_LE(curve.lfu[static_cast<std::size_t>(size)],
                curve.belady[static_cast<std::size_t>(size)] + 1e-12);
    }
  }
}

TEST(CacheCurves, LfuKeepsWhatIsUsedOftenThroughAScan) {
  std::vector<std::vector<std::uint16_t>> chosen(20, {0});
  for (std::uint16_t e = 1; e < 6; ++e) chosen.push_back({e});
  chosen.push_back({0});
  const CacheCurve curve = cache_curves(Traces{one_layer(6, chosen)}, 1)[0];
  EXPECT_EQ(curve.lfu[2], 20.0 / 26);
  EXPECT_EQ(curve.lru[2], 19.0 / 26);
}

TEST(CacheCurves, LocalityIsTheDifferenceToTheShuffledTrace) {
  // Long runs of the same experts, all equally often: no skew, only locality.
  std::vector<std::vector<std::uint16_t>> runs;
  for (int i = 0; i < 1600; ++i) {
    const auto first = static_cast<std::uint16_t>(i / 50 % 16);
    runs.push_back({first, static_cast<std::uint16_t>((first + 1) % 16)});
  }
  const CacheCurve local = cache_curves(Traces{one_layer(16, runs)}, 5)[0];
  EXPECT_GT(local.lru[4], 0.95);
  EXPECT_NEAR(local.lru_shuffled[4], 4.0 / 16, 0.05);

  base::Random random(23);
  const CacheCurve skewed = cache_curves(Traces{random_trace(random, 3000, 1, 16, 2, 2.0)}, 5)[0];
  EXPECT_NEAR(skewed.lru[4], skewed.lru_shuffled[4], 0.03);  // no locality: order does not matter
  EXPECT_NEAR(skewed.lfu[4], skewed.lfu_shuffled[4], 0.03);
}

TEST(CacheCurves, MoreRoomNeverHurtsAndFullRoomMissesFirstUsesOnly) {
  base::Random random(24);
  const Traces traces = {random_trace(random, 300, 2, 8, 2, 0.2), random_trace(random, 100, 2, 8, 2)};
  const auto curves = cache_curves(traces, 1);
  ASSERT_EQ(curves.size(), 2U);
  for (const CacheCurve& curve : curves) {
    EXPECT_EQ(curve.lookups, 800);
    for (const auto* rates :
         {&curve.lru, &curve.lfu, &curve.belady, &curve.lru_shuffled, &curve.lfu_shuffled}) {
      EXPECT_TRUE(std::is_sorted(rates->begin(), rates->end()));
      EXPECT_EQ(rates->front(), 0);
      EXPECT_NEAR(rates->back(), 1 - 8.0 / 800, 1e-12);
    }
    EXPECT_NEAR(curve.fixed.back(), 1, 1e-12);
  }
}

TEST(CacheCurves, EdgeCases) {
  EXPECT_TRUE(cache_curves({}, 1).empty());
  Traces silent = {one_layer(3, {{0}, {1}})};
  std::fill(silent[0].ids.begin(), silent[0].ids.end(), record::RoutingTrace::kAbsent);
  const CacheCurve curve = cache_curves(silent, 1)[0];
  EXPECT_EQ(curve.lookups, 0);
  EXPECT_EQ(curve.lru, std::vector<double>(4, 0.0));
  EXPECT_EQ(curve.fixed, std::vector<double>(4, 0.0));
}

}  // namespace
}  // namespace moestress::experts

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moestress::stats {

/// Mann-Whitney U test that neither sample tends to be larger (1947): two-sided p. Exact for up to 20 values
/// a side without ties, else by normal approximation with ties and continuity corrected. Non-finite values
/// are left out. 1 where a side is empty or all values are equal.
double mann_whitney(std::span<const double> a, std::span<const double> b);

/// How far b lies above a: the median of all differences b − a (Hodges and Lehmann 1963), in the unit of the
/// values. The effect beside mann_whitney's p. NaN where a side is empty. At most 2,000 values a side: more
/// are thinned evenly.
double shift(std::span<const double> a, std::span<const double> b);

/// McNemar's exact test on pairs of outcomes: b went one way, c the other: min(1, 2·P[Bin(b + c, ½) ≤ min(b,
/// c)]). 1 where nothing flipped. Negative counts are taken as 0.
double mcnemar_exact(std::int64_t b, std::int64_t c);

/// p of a permutation test: (count_ge + 1)/(n + 1), where count_ge of n permutations reached the observed
/// statistic. Never 0: the observed order is one of the permutations (Phipson and Smyth 2010).
double permutation_p(std::int64_t count_ge, std::int64_t n);
/// The same, counting the permuted statistics that reach `observed`, up to rounding (relative 1e-12).
double permutation_p(double observed, std::span<const double> permuted);

/// Holm's step-down adjustment (1979): p values that hold for all of them at once, in the order given. NaN
/// stays NaN and is not counted as a test.
std::vector<double> holm(std::span<const double> p);

}  // namespace moestress::stats

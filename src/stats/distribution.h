#pragma once

#include <cstdint>

namespace moestress::stats {

// The distributions that intervals and tests rest on. Pure numbers; relative error below 1e-10 unless stated.

/// Φ(x) of the standard normal.
double normal_cdf(double x);
/// Φ⁻¹(p); ∓infinity at 0 and 1, NaN outside.
double normal_quantile(double p);
/// z such that the two tails beyond ±z hold 1 − confidence.
double normal_two_sided(double confidence);

/// P[T ≤ t] of Student's t with `degrees` > 0 degrees of freedom.
double student_t_cdf(double t, double degrees);
/// t such that the two tails beyond ±t hold 1 − confidence.
double student_t_two_sided(double confidence, double degrees);

/// P[Bin(n, p) ≤ k].
double binomial_cdf(std::int64_t k, std::int64_t n, double p);

/// Regularised incomplete beta function I_x(a, b), a, b > 0, by its continued fraction (DLMF 8.17.22).
double incomplete_beta(double a, double b, double x);

}  // namespace moestress::stats

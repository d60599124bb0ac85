#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace moestress::base {

/// A seed for one purpose, derived from the run's seed: the same (seed, purpose) always gives the same, and
/// different purposes give unrelated streams, so that adding a consumer moves no other.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view purpose);

/// Seeded random numbers (xoshiro256**, Blackman and Vigna 2018). The sequence is part of the product: the
/// same seed gives the same requests and the same model files on every platform. One owner, one thread.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  /// Uniform in [0, 1).
  double uniform();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (Box-Muller).
  double normal();
  /// Exponential with the given mean.
  double exponential(double mean);

  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::uint64_t state_[4];
  double spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

}  // namespace moestress::base

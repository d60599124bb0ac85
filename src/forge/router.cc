#include "forge/router.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/random.h"

namespace moestress::forge {
namespace {

constexpr int kClusterRounds = 10;
constexpr int kBalanceRounds = 120;
/// Standard deviation of a token's logits over the experts.
constexpr double kLogitDeviation = 1.5;

/// Sums in eight lanes, which a compiler may keep in one register.
float dot(const float* a, const float* b, std::size_t n) {
  float lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  float sum = 0;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (const float lane : lanes) sum += lane;
  return sum;
}

/// Inputs [tokens × width], with what they are centred and scaled by.
class Inputs {
 public:
  Inputs(std::span<const float> values, std::size_t width)
      : width_(width), tokens_(values.size() / width), mean_(width), deviation_(width) {
    std::vector<double> sum(width), squares(width);
    for (std::size_t i = 0; i < tokens_ * width; ++i) {
      sum[i % width] += values[i];
      squares[i % width] += static_cast<double>(values[i]) * values[i];
    }
    const auto n = static_cast<double>(tokens_);
    for (std::size_t d = 0; d < width; ++d) {
      mean_[d] = sum[d] / n;
      deviation_[d] = std::sqrt(std::max(squares[d] / n - mean_[d] * mean_[d], 1e-12));
    }
    units_.resize(tokens_ * width);
    for (std::size_t token = 0; token < tokens_; ++token) {
      float* unit = units_.data() + token * width;
      for (std::size_t d = 0; d < width; ++d)
        unit[d] = static_cast<float>((values[token * width + d] - mean_[d]) / deviation_[d]);
      const float norm = std::sqrt(dot(unit, unit, width));
      norm_ += norm / n;
      for (std::size_t d = 0; d < width; ++d) unit[d] /= std::max(norm, 1e-6F);
    }
  }

  std::size_t tokens() const { return tokens_; }
  std::size_t width() const { return width_; }
  const float* unit(std::size_t token) const { return units_.data() + token * width_; }

  /// Row of a router whose product with an input is about `scale` · cos(unit, direction) + offset.
  std::vector<float> row(const float* direction, double scale, double offset) const {
    double along_mean = 0, mean_square = 0;
    for (std::size_t d = 0; d < width_; ++d) {
      along_mean += direction[d] * mean_[d] / deviation_[d];
      mean_square += mean_[d] * mean_[d] / (deviation_[d] * deviation_[d]);
    }
    const double constant = (offset - scale / norm_ * along_mean) / std::max(mean_square, 1e-12);
    std::vector<float> row(width_);
    for (std::size_t d = 0; d < width_; ++d)
      row[d] = static_cast<float>(scale / norm_ * direction[d] / deviation_[d] +
                                  constant * mean_[d] / (deviation_[d] * deviation_[d]));
    return row;
  }

 private:
  std::size_t width_, tokens_;
  std::vector<double> mean_, deviation_;
  std::vector<float> units_;  ///< centred, scaled, of length 1
  double norm_ = 0;           ///< mean length before
};

/// Moves offsets of overloaded clusters down; gives the load of each, assigned with them.
class Balance {
 public:
  explicit Balance(std::size_t experts) : offsets_(experts), load_(experts) {}
  double offset(std::size_t expert) const { return offsets_[expert]; }
  void count(std::size_t expert) { ++load_[expert]; }
  void move(double step) {
    const double mean = std::accumulate(load_.begin(), load_.end(), 0.0) / static_cast<double>(load_.size());
    for (std::size_t e = 0; e < load_.size(); ++e)
      offsets_[e] += step * std::clamp(1 - load_[e] / mean, -1.0, 1.0);
    std::fill(load_.begin(), load_.end(), 0.0);
  }

 private:
  std::vector<double> offsets_, load_;
};

/// Directions [experts × width] of unit length.
std::vector<float> cluster(const Inputs& inputs, std::size_t experts, base::Random& random) {
  const std::size_t width = inputs.width();
  std::vector<std::size_t> order(inputs.tokens());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  std::vector<float> directions;
  for (std::size_t e = 0; e < experts; ++e)
    directions.insert(directions.end(), inputs.unit(order[e]), inputs.unit(order[e]) + width);
  Balance balance(experts);
  for (int round = 0; round < kClusterRounds; ++round) {
    std::vector<float> sums(experts * width);
    for (std::size_t token = 0; token < inputs.tokens(); ++token) {
      const float* unit = inputs.unit(token);
      std::size_t best = 0;
      double best_score = -1e9;
      for (std::size_t e = 0; e < experts; ++e) {
        const double score = dot(directions.data() + e * width, unit, width) + balance.offset(e);
        if (score <= best_score) continue;
        best = e;
        best_score = score;
      }
      balance.count(best);
      for (std::size_t d = 0; d < width; ++d) sums[best * width + d] += unit[d];
    }
    balance.move(0.05);
    for (std::size_t e = 0; e < experts; ++e) {
      const float* sum = sums.data() + e * width;
      const float norm = std::sqrt(dot(sum, sum, width));
      if (norm < 1e-6F) continue;  // nothing was near it: it stays
      for (std::size_t d = 0; d < width; ++d) directions[e * width + d] = sum[d] / norm;
    }
  }
  return directions;
}

/// Offsets, in units of a logit, that spread the top k of the tokens' `logits` [tokens × experts] evenly.
std::vector<double> balance_top(const std::vector<float>& logits, std::size_t experts, std::size_t k) {
  Balance balance(experts);
  std::vector<std::pair<double, std::size_t>> scores(experts);
  for (int round = 0; round < kBalanceRounds; ++round) {
    for (std::size_t row = 0; row < logits.size(); row += experts) {
      for (std::size_t e = 0; e < experts; ++e) scores[e] = {logits[row + e] + balance.offset(e), e};
      std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(k), scores.end(),
                       std::greater<>());
      for (std::size_t i = 0; i < k; ++i) balance.count(scores[i].second);
    }
    balance.move(kLogitDeviation * 0.2 / (1 + round / 20.0));
  }
  std::vector<double> offsets;
  for (std::size_t e = 0; e < experts; ++e) offsets.push_back(balance.offset(e));
  return offsets;
}

/// What to multiply cosines with so that a token's logits have kLogitDeviation.
double logit_scale(const std::vector<float>& cosines, std::size_t experts) {
  double variance = 0;
  for (std::size_t row = 0; row < cosines.size(); row += experts) {
    double sum = 0, squares = 0;
    for (std::size_t e = 0; e < experts; ++e) {
      sum += cosines[row + e];
      squares += static_cast<double>(cosines[row + e]) * cosines[row + e];
    }
    const double mean = sum / static_cast<double>(experts);
    variance += squares / static_cast<double>(experts) - mean * mean;
  }
  return kLogitDeviation /
         std::sqrt(std::max(variance / static_cast<double>(cosines.size() / experts), 1e-12));
}

}  // namespace

std::vector<float> cluster_router(std::span<const float> values, std::size_t width, std::size_t experts,
                                  std::size_t k, std::uint64_t seed) {
  CHECK(width > 0 && k < experts && values.size() / width >= experts);
  const Inputs inputs(values, width);
  base::Random random(seed);
  const std::vector<float> directions = cluster(inputs, experts, random);
  std::vector<float> cosines(inputs.tokens() * experts);
  for (std::size_t token = 0; token < inputs.tokens(); ++token)
    for (std::size_t e = 0; e < experts; ++e)
      cosines[token * experts + e] = dot(directions.data() + e * width, inputs.unit(token), width);
  const double scale = logit_scale(cosines, experts);
  const auto rows_with = [&](const std::vector<double>& offsets) {
    std::vector<float> rows;
    for (std::size_t e = 0; e < experts; ++e) {
      const auto row = inputs.row(directions.data() + e * width, scale, offsets[e]);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    return rows;
  };
  // The logits that these rows really give: a token's length, and its part along the mean, vary.
  const std::vector<float> plain = rows_with(std::vector<double>(experts));
  std::vector<float> logits(inputs.tokens() * experts);
  for (std::size_t token = 0; token < inputs.tokens(); ++token)
    for (std::size_t e = 0; e < experts; ++e)
      logits[token * experts + e] = dot(plain.data() + e * width, values.data() + token * width, width);
  return rows_with(balance_top(logits, experts, k));
}

}  // namespace moestress::forge

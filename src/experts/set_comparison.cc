#include "experts/set_comparison.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "experts/expert_counts.h"
#include "stats/significance.h"

namespace moestress::experts {
namespace {

constexpr int kPermutationsMax = 100'000;

using Traces = std::vector<const record::RoutingTrace*>;

Traces all_of(std::span<const record::RoutingTrace> traces) {
  Traces pointers;
  for (const record::RoutingTrace& trace : traces) pointers.push_back(&trace);
  return pointers;
}

/// How often each prompt chose each expert of each layer, [prompts][layers × E]: what a permutation adds up
/// anew.
class PromptCounts {
 public:
  PromptCounts(const Traces& a, const Traces& b)
      : layers_(a[0]->layers.size()), experts_(static_cast<std::size_t>(a[0]->experts)) {
    for (const record::RoutingTrace* trace : a) add(*a[0], *trace);
    for (const record::RoutingTrace* trace : b) add(*a[0], *trace);
    all_.assign(layers_ * experts_, 0.0);
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) all_[i] += row[i];
    }
  }

  std::size_t layers() const { return layers_; }
  std::size_t prompts() const { return rows_.size(); }

  /// Counts of the prompts `of`, into `left`, and of all others, into `right`.
  void divide(std::span<const std::size_t> of, std::vector<double>& left, std::vector<double>& right) const {
    left.assign(all_.size(), 0.0);
    for (std::size_t prompt : of) {
      const std::vector<float>& row = rows_[prompt];
      for (std::size_t i = 0; i < row.size(); ++i) left[i] += row[i];
    }
    right.resize(all_.size());
    for (std::size_t i = 0; i < all_.size(); ++i) right[i] = all_[i] - left[i];
  }

  std::span<const double> layer(const std::vector<double>& counts, std::size_t index) const {
    return {counts.data() + index * experts_, experts_};
  }

 private:
  void add(const record::RoutingTrace& first, const record::RoutingTrace& trace) {
    CHECK(record::same_topology(first, trace));
    std::vector<float>& row = rows_.emplace_back();  // whole numbers below 2^24: floats hold them exactly
    row.reserve(layers_ * experts_);
    for (std::size_t layer = 0; layer < layers_; ++layer) {
      ExpertCounts counts;
      counts.add(trace, layer);
      counts.chosen.resize(experts_, 0.0);
      row.insert(row.end(), counts.chosen.begin(), counts.chosen.end());
    }
  }

  std::size_t layers_;
  std::size_t experts_;
  std::vector<std::vector<float>> rows_;
  std::vector<double> all_;
};

double sum_of(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// Jensen-Shannon divergence of two rows of counts, in bits, without making shares of them first: the inner
/// loop of the permutation test.
double divergence_bits(std::span<const double> a, std::span<const double> b) {
  const double a_sum = sum_of(a);
  const double b_sum = sum_of(b);
  if (a_sum == 0 || b_sum == 0) return 0;
  double bits = 0;
  for (std::size_t e = 0; e < a.size(); ++e) {
    const double p = a[e] / a_sum;
    const double q = b[e] / b_sum;
    const double middle = (p + q) / 2;
    if (p > 0) bits += p / 2 * std::log2(p / middle);
    if (q > 0) bits += q / 2 * std::log2(q / middle);
  }
  return std::clamp(bits, 0.0, 1.0);
}

double cosine(std::span<const double> a, std::span<const double> b) {
  double product = 0;
  double a_squares = 0;
  double b_squares = 0;
  for (std::size_t e = 0; e < a.size(); ++e) {
    product += a[e] * b[e];
    a_squares += a[e] * a[e];
    b_squares += b[e] * b[e];
  }
  return a_squares > 0 && b_squares > 0 ? std::min(1.0, product / std::sqrt(a_squares * b_squares)) : 0;
}

double cramers_v(std::span<const double> a, std::span<const double> b) {
  const double a_sum = sum_of(a);
  const double b_sum = sum_of(b);
  const double n = a_sum + b_sum;
  if (a_sum == 0 || b_sum == 0) return 0;
  double chi_square_over_n = 0;
  for (std::size_t e = 0; e < a.size(); ++e) {
    const double column = a[e] + b[e];
    if (column == 0) continue;
    const double a_expected = column * a_sum / n;
    const double b_expected = column * b_sum / n;
    chi_square_over_n += (a[e] - a_expected) * (a[e] - a_expected) / a_expected / n;
    chi_square_over_n += (b[e] - b_expected) * (b[e] - b_expected) / b_expected / n;
  }
  return std::sqrt(std::min(1.0, chi_square_over_n));
}

/// Divergence of every layer, and their mean last.
std::vector<double> divergences(const PromptCounts& counts, const std::vector<double>& left,
                                const std::vector<double>& right) {
  std::vector<double> bits;
  for (std::size_t layer = 0; layer < counts.layers(); ++layer) {
    bits.push_back(divergence_bits(counts.layer(left, layer), counts.layer(right, layer)));
  }
  bits.push_back(bits.empty() ? 0 : sum_of(bits) / static_cast<double>(bits.size()));
  return bits;
}

SetComparison compare(const Traces& a, const Traces& b, int permutations, std::uint64_t seed) {
  SetComparison result;
  if (a.empty() || b.empty()) return result;
  const PromptCounts counts(a, b);
  std::vector<std::size_t> order(counts.prompts());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> left;
  std::vector<double> right;
  const auto dealt = [&] { counts.divide(std::span(order).first(a.size()), left, right); };
  dealt();
  const std::vector<double> observed = divergences(counts, left, right);
  result.jsd_mean_bits = observed.back();
  for (std::size_t i = 0; i < counts.layers(); ++i) {
    const auto p = counts.layer(left, i);
    const auto q = counts.layer(right, i);
    LayerComparison layer{.layer = a[0]->layers[i], .jsd_bits = observed[i]};
    const double p_choices = sum_of(p);
    const double q_choices = sum_of(q);
    if (p_choices > 0 && q_choices > 0) {
      layer.jsd_bias_bits =
          (static_cast<double>(p.size()) - 1) / (8 * std::numbers::ln2) * (1 / p_choices + 1 / q_choices);
    }
    layer.cosine = cosine(p, q);
    layer.cramers_v = cramers_v(p, q);
    result.layers.push_back(layer);
  }
  result.permutations = std::clamp(permutations, 0, kPermutationsMax);

  base::Random random(base::derive_seed(seed, "experts.compare_sets"));
  std::vector<std::int64_t> reached(observed.size(), 0);
  for (int permutation = 0; permutation < result.permutations; ++permutation) {
    random.shuffle(order);
    dealt();
    const std::vector<double> bits = divergences(counts, left, right);
    // Up to rounding: the observed split may come up again, summed in another order.
    for (std::size_t i = 0; i < bits.size(); ++i) reached[i] += bits[i] >= observed[i] - 1e-12 ? 1 : 0;
  }
  for (std::size_t i = 0; i < result.layers.size(); ++i) {
    result.layers[i].p = stats::permutation_p(reached[i], result.permutations);
  }
  result.p = stats::permutation_p(reached.back(), result.permutations);
  return result;
}

}  // namespace

SetComparison compare_sets(std::span<const record::RoutingTrace> a, std::span<const record::RoutingTrace> b,
                           int permutations, std::uint64_t seed) {
  return compare(all_of(a), all_of(b), permutations, seed);
}

std::pair<std::vector<std::size_t>, std::vector<std::size_t>> split_halves(std::size_t n,
                                                                           std::uint64_t seed) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  base::Random random(base::derive_seed(seed, "experts.split_halves"));
  random.shuffle(order);
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>((n + 1) / 2);
  std::pair<std::vector<std::size_t>, std::vector<std::size_t>> halves{{order.begin(), middle},
                                                                       {middle, order.end()}};
  std::sort(halves.first.begin(), halves.first.end());
  std::sort(halves.second.begin(), halves.second.end());
  return halves;
}

SetComparison compare_halves(std::span<const record::RoutingTrace> traces, int permutations,
                             std::uint64_t seed) {
  const auto [first, second] = split_halves(traces.size(), seed);
  const auto pick = [&](const std::vector<std::size_t>& indices) {
    Traces picked;
    for (std::size_t index : indices) picked.push_back(&traces[index]);
    return picked;
  };
  return compare(pick(first), pick(second), permutations, seed);
}

}  // namespace moestress::experts

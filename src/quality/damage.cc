#include "quality/damage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "quality/consistency.h"
#include "quality/logits.h"
#include "quality/score_file.h"
#include "record/routing_agreement.h"
#include "stats/distribution.h"
#include "stats/quantile.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using record::MoeActivations;
using record::RoutingTrace;

/// Below this a divergence is no more than the rounding of the logits themselves.
constexpr double kKlFloorNats = 1e-7;
constexpr double kSignificance = 0.01;
/// The least effect that is called damage. Experts of sound pairs were seen to stay below 1.6.
constexpr double kFactorMin = 2.5;
/// Of the other layers' tokens.
constexpr double kRareShare = 0.05;
/// The chance of any difference between two runs of the same kernels: none, but for the impossible.
constexpr double kExactShare = 1e-9;
constexpr double kAgreementMin = 0.9;
constexpr std::int64_t kRoutingTokensMin = 16;

/// The texts of three files, one of each at a time.
class Triples {
 public:
  static base::Result<Triples> open(const std::string& baseline, const std::string& rounding,
                                    const std::string& other) {
    MOESTRESS_TRY(ScoreReader a, ScoreReader::open(baseline));
    MOESTRESS_TRY(ScoreReader b, ScoreReader::open(rounding));
    MOESTRESS_TRY(ScoreReader c, ScoreReader::open(other));
    return Triples{
        std::move(a), std::move(b), std::move(c), baseline + ", " + rounding + " and " + other, {}, {}, {}};
  }

  base::Result<bool> next() {
    MOESTRESS_TRY(auto a, files_a.next());
    MOESTRESS_TRY(auto b, files_b.next());
    MOESTRESS_TRY(auto c, files_c.next());
    if (!a && !b && !c) return false;
    if (!a || !b || !c) return base::fail(ErrorCode::Format, "{}: not of the same texts", paths);
    for (const ScoredText* text : {&*b, &*c})
      if (const auto status = check_comparable(*a, *text); !status)
        return base::within(paths, status.error());
    if (!a->routing || !b->routing || !c->routing)
      return base::fail(ErrorCode::Format, "{}: one holds no routing; score it with --trace", paths);
    baseline = std::move(*a);
    rounding = std::move(*b);
    other = std::move(*c);
    return true;
  }

  ScoreReader files_a, files_b, files_c;
  std::string paths;
  ScoredText baseline, rounding, other;
};

bool comparable(const MoeActivations& a, const MoeActivations& b) {
  return record::same_topology(a.routing, b.routing) && a.tokens() == b.tokens() && a.width == b.width;
}

double relative_difference(std::span<const float> expected, std::span<const float> actual) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = static_cast<double>(actual[i]) - expected[i];
    difference += d * d;
    size += static_cast<double>(expected[i]) * expected[i];
  }
  if (difference == 0) return 0;
  const double relative = std::sqrt(difference / size);
  return std::isfinite(relative) ? relative : std::numeric_limits<double>::max();
}

bool same_values(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// What one token's experts in one layer gave out, against what they should have.
struct Sample {
  std::size_t text = 0;
  double difference = 0;
  std::vector<std::uint16_t> experts;

  bool went_to(int expert) const {
    return std::find(experts.begin(), experts.end(), static_cast<std::uint16_t>(expert)) != experts.end();
  }
};

/// One layer's tokens in all texts.
struct LayerSamples {
  std::vector<Sample> samples;  ///< tokens for which both sides chose the same experts
  double agreement_sum = 0;     ///< of all tokens
  std::int64_t tokens = 0;
  bool other_weights = false;  ///< the router's weights are not the same to the bit
};

/// The layers of all texts, compared one by one.
class LayerSearch {
 public:
  explicit LayerSearch(bool exact) : exact_(exact) {}

  std::int64_t tokens() const { return tokens_; }

  /// Tokens from `first` on. Where a file has no activations of a text, or of another shape, nothing is
  /// added.
  void add(const ScoredText& expected, const ScoredText& actual, std::size_t first) {
    const std::size_t text = texts_++;
    if (!expected.activations || !actual.activations ||
        !comparable(*expected.activations, *actual.activations))
      return;
    const MoeActivations &a = *expected.activations, &b = *actual.activations;
    experts_ = a.routing.experts;
    tokens_ += static_cast<std::int64_t>(a.tokens() - std::min(first, a.tokens()));
    for (std::size_t layer = 0; layer < a.routing.layers.size(); ++layer)
      for (std::size_t token = first; token < a.tokens(); ++token)
        add_token(a, b, layer, token, text, layers_[a.routing.layers[layer]]);
  }

  std::vector<RoutingBreak> routing() const {
    std::vector<RoutingBreak> breaks;
    for (const auto& [layer, seen] : layers_) {
      if (seen.tokens == 0) continue;
      const double agreement = seen.agreement_sum / static_cast<double>(seen.tokens);
      if (exact_ ? seen.other_weights : agreement < kAgreementMin && seen.tokens >= kRoutingTokensMin)
        breaks.push_back({layer, agreement});
    }
    return breaks;
  }

  /// Experts used, and those of them that can be found.
  std::pair<std::int64_t, std::int64_t> experts_used_and_told() const {
    std::int64_t used = 0, told = 0;
    for (const auto& [layer, seen] : layers_) {
      std::map<int, std::set<std::size_t>> texts;
      for (const Sample& sample : seen.samples)
        for (const std::uint16_t expert : sample.experts) texts[expert].insert(sample.text);
      used += static_cast<std::int64_t>(texts.size());
      for (const auto& [expert, in] : texts) {
        const auto count = static_cast<std::int64_t>(in.size());
        told += has_yardstick() && p_of(count, count) < kSignificance ? 1 : 0;
      }
    }
    return {used, told};
  }

  std::vector<ExpertDamage> experts() const {
    std::vector<ExpertDamage> found;
    if (!has_yardstick()) return found;
    for (const auto& [layer, seen] : layers_) {
      const Rounding rounding = rounding_of_others(layer);
      std::vector<Sample> left = seen.samples;
      while (const auto worst = most_certain(layer, left, rounding)) {
        found.push_back(*worst);
        std::erase_if(left, [&](const Sample& sample) { return sample.went_to(worst->expert); });
      }
    }
    return found;
  }

 private:
  struct Rounding {
    double median = 0;
    double limit = 0;  ///< exceeded by kRareShare
  };

  void add_token(const MoeActivations& a, const MoeActivations& b, std::size_t layer, std::size_t token,
                 std::size_t text, LayerSamples& seen) const {
    if (!a.routing.present(token, layer) || !b.routing.present(token, layer)) return;
    const auto chosen = a.routing.chosen(token, layer), other = b.routing.chosen(token, layer);
    const auto common = std::count_if(chosen.begin(), chosen.end(), [&](std::uint16_t expert) {
      return std::find(other.begin(), other.end(), expert) != other.end();
    });
    ++seen.tokens;
    seen.agreement_sum += static_cast<double>(common) / a.routing.k;
    if (exact_ &&
        !(std::equal(chosen.begin(), chosen.end(), other.begin()) &&
          same_values(a.routing.chosen_weights(token, layer), b.routing.chosen_weights(token, layer)))) {
      seen.other_weights = true;
      return;
    }
    if (common < a.routing.k) return;
    seen.samples.push_back({text,
                            relative_difference(a.output(token, layer), b.output(token, layer)),
                            {chosen.begin(), chosen.end()}});
  }

  bool has_yardstick() const { return exact_ || layers_.size() > 1; }

  /// That so many of an expert's texts exceed what rounding seldom does: P[Bin(texts, share) ≥ rare], for as
  /// many experts as there are.
  double p_of(std::int64_t rare, std::int64_t texts) const {
    if (rare == 0) return 1;
    const double tail = stats::incomplete_beta(
        static_cast<double>(rare), static_cast<double>(texts - rare + 1), exact_ ? kExactShare : kRareShare);
    return std::min(1.0, tail * static_cast<double>(experts_) * static_cast<double>(layers_.size()));
  }

  Rounding rounding_of_others(int layer) const {
    if (exact_) return {};
    std::vector<double> differences;
    for (const auto& [other, seen] : layers_)
      if (other != layer)
        for (const Sample& sample : seen.samples) differences.push_back(sample.difference);
    if (differences.empty()) return {};
    return {stats::quantile(differences, 0.5), stats::quantile(differences, 1 - kRareShare)};
  }

  std::optional<ExpertDamage> most_certain(int layer, const std::vector<Sample>& samples,
                                           const Rounding& rounding) const {
    std::optional<ExpertDamage> most;
    for (int expert = 0; expert < experts_; ++expert) {
      const ExpertDamage one = judge(layer, expert, samples, rounding);
      if (one.p >= kSignificance || one.difference <= kFactorMin * rounding.median) continue;
      if (!most || one.p < most->p || (one.p == most->p && one.difference > most->difference)) most = one;
    }
    return most;
  }

  ExpertDamage judge(int layer, int expert, const std::vector<Sample>& samples,
                     const Rounding& rounding) const {
    ExpertDamage one{.layer = layer, .expert = expert, .difference_elsewhere = rounding.median};
    std::map<std::size_t, std::vector<double>> by_text;
    std::vector<double> all;
    for (const Sample& sample : samples) {
      if (!sample.went_to(expert)) continue;
      by_text[sample.text].push_back(sample.difference);
      all.push_back(sample.difference);
    }
    if (all.empty()) return one;
    const auto rare = std::count_if(by_text.begin(), by_text.end(), [&](const auto& text) {
      return stats::quantile(text.second, 0.5) > rounding.limit;
    });
    one.texts = static_cast<std::int64_t>(by_text.size());
    one.tokens = static_cast<std::int64_t>(all.size());
    one.difference = stats::quantile(all, 0.5);
    one.p = p_of(rare, one.texts);
    return one;
  }

  const bool exact_;
  std::size_t texts_ = 0;
  std::int64_t tokens_ = 0;
  int experts_ = 0;
  std::map<int, LayerSamples> layers_;  ///< by model layer number
};

class Search {
 public:
  explicit Search(bool same_kernels) : same_kernels_(same_kernels), layers_(same_kernels) {}

  void add(const Triples& texts) {
    const auto& tokens = texts.baseline.tokens;
    std::size_t first = 0;
    if (first_text_.empty())
      first_text_ = tokens;
    else
      first = static_cast<std::size_t>(
          std::mismatch(tokens.begin(), tokens.end(), first_text_.begin(), first_text_.end()).first -
          tokens.begin());
    add_ratios(texts, first);
    layers_.add(same_kernels_ ? texts.rounding : texts.baseline, texts.other, first);
    if (same_kernels_ && differs(texts.rounding, texts.other)) ++texts_not_exact_;
  }

  Damage result() const {
    Damage damage;
    damage.positions = positions_;
    if (positions_ > 0) damage.factor = std::exp(ratio_sum_ / static_cast<double>(positions_));
    damage.layer_tokens = layers_.tokens();
    std::tie(damage.experts_used, damage.experts_told) = layers_.experts_used_and_told();
    damage.experts = layers_.experts();
    damage.routing = layers_.routing();
    damage.texts_not_exact = texts_not_exact_;
    return damage;
  }

 private:
  static bool differs(const ScoredText& a, const ScoredText& b) {
    return a.logits != b.logits || a.routing->ids != b.routing->ids ||
           a.routing->weights != b.routing->weights;
  }

  void add_ratios(const Triples& texts, std::size_t first) {
    for (std::size_t token = first; token < texts.baseline.tokens.size(); ++token) {
      const auto kl = [&](const ScoredText& text) {
        return compare_rows(texts.baseline.row(token), text.row(token), 0).kl_nats + kKlFloorNats;
      };
      ratio_sum_ += std::log(kl(texts.other) / kl(texts.rounding));
      ++positions_;
    }
  }

  const bool same_kernels_;
  LayerSearch layers_;
  std::vector<std::int32_t> first_text_;
  double ratio_sum_ = 0;
  std::int64_t positions_ = 0;
  std::int64_t texts_not_exact_ = 0;
};

}  // namespace

base::Result<Damage> find_damage(const std::string& baseline_path, const std::string& rounding_path,
                                 const std::string& other_path, bool same_kernels) {
  MOESTRESS_TRY(Triples texts, Triples::open(baseline_path, rounding_path, other_path));
  Search search(same_kernels);
  while (true) {
    MOESTRESS_TRY(const bool more, texts.next());
    if (!more) return search.result();
    search.add(texts);
  }
}

}  // namespace moestress::quality

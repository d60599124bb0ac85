#include "quality/damage.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <span>

#include "quality/consistency.h"
#include "quality/logits.h"
#include "quality/score_file.h"
#include "record/routing_agreement.h"
#include "stats/distribution.h"
#include "stats/significance.h"

namespace moestress::quality {
namespace {

using base::ErrorCode;
using record::RoutingTrace;

/// Below this a divergence is no more than the rounding of the logits themselves.
constexpr double kKlFloorNats = 1e-7;
constexpr double kSignificance = 0.01;
/// The least effect that is called damage. Sound pairs were seen to stay below 1.2.
constexpr double kFactorMin = 1.3;
constexpr double kAgreementLossMin = 0.05;
/// Texts it takes for a t test.
constexpr std::size_t kTextsMin = 8;

/// Differences within texts, one value for each text.
struct Differences {
  double sum = 0, squares = 0;
  std::int64_t texts = 0;

  void add(double value) {
    sum += value;
    squares += value * value;
    ++texts;
  }
  double mean() const { return texts == 0 ? 0 : sum / static_cast<double>(texts); }
  /// One-sided p that the mean is not above 0.
  double p_above() const {
    if (texts < static_cast<std::int64_t>(kTextsMin)) return 1;
    const auto n = static_cast<double>(texts);
    const double variance = std::max(0.0, (squares - sum * sum / n) / (n - 1));
    if (variance == 0) return sum > 0 ? 0 : 1;
    return 1 - stats::student_t_cdf(mean() / std::sqrt(variance / n), n - 1);
  }
};

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

/// log(KL to the other / KL by rounding) of each token from `first` on.
std::vector<double> log_ratios(const Triples& texts, std::size_t first) {
  std::vector<double> ratios;
  for (std::size_t token = first; token < texts.baseline.tokens.size(); ++token) {
    const auto kl = [&](const ScoredText& text) {
      return compare_rows(texts.baseline.row(token), text.row(token), 0).kl_nats + kKlFloorNats;
    };
    ratios.push_back(std::log(kl(texts.other) / kl(texts.rounding)));
  }
  return ratios;
}

/// Compares the other side with the rounding side bit by bit.
class ExactSearch {
 public:
  void add(const ScoredText& rounding, const ScoredText& other) {
    const std::size_t first = first_difference(rounding, other);
    if (first == rounding.tokens.size()) return;
    ++differ_;
    const RoutingTrace &a = *rounding.routing, &b = *other.routing;
    if (first >= a.tokens || first >= b.tokens) return;
    for (std::size_t layer = 0; layer < a.layers.size(); ++layer) {
      if (same_routing(a, b, first, layer)) continue;
      ++layers_[a.layers[layer]];
      if (layer > 0 && a.present(first, layer - 1))
        for (const std::uint16_t expert : a.chosen(first, layer - 1)) ++experts_[a.layers[layer]][expert];
      return;
    }
    ++layers_[-1];
  }

  std::optional<FirstDifference> result() const {
    if (differ_ == 0) return std::nullopt;
    FirstDifference found;
    found.texts = differ_;
    std::int64_t most = 0;
    for (const auto& [layer, texts] : layers_) {
      if (texts > most) found.layer = layer;
      most = std::max(most, texts);
    }
    if (const auto experts = experts_.find(found.layer); experts != experts_.end())
      for (const auto& [expert, texts] : experts->second)
        if (2 * texts > most) found.experts.push_back(expert);
    return found;
  }

 private:
  static bool same_routing(const RoutingTrace& a, const RoutingTrace& b, std::size_t token,
                           std::size_t layer) {
    const auto weights_a = a.chosen_weights(token, layer), weights_b = b.chosen_weights(token, layer);
    const auto ids_a = a.chosen(token, layer), ids_b = b.chosen(token, layer);
    return std::equal(weights_a.begin(), weights_a.end(), weights_b.begin()) &&
           std::equal(ids_a.begin(), ids_a.end(), ids_b.begin());
  }

  /// The first token after which logits or routing differ; their number where none does.
  static std::size_t first_difference(const ScoredText& a, const ScoredText& b) {
    for (std::size_t token = 0; token < a.tokens.size(); ++token) {
      const auto row_a = a.row(token), row_b = b.row(token);
      if (!std::equal(row_a.begin(), row_a.end(), row_b.begin())) return token;
      for (std::size_t layer = 0; token < a.routing->tokens && layer < a.routing->layers.size(); ++layer)
        if (!same_routing(*a.routing, *b.routing, token, layer)) return token;
    }
    return a.tokens.size();
  }

  std::int64_t differ_ = 0;                             ///< texts
  std::map<int, std::int64_t> layers_;                  ///< texts by the layer that differs first
  std::map<int, std::map<int, std::int64_t>> experts_;  ///< by that layer: of the layer before
};

class Search {
 public:
  explicit Search(bool same_kernels) : same_kernels_(same_kernels) {}

  void add(const Triples& texts) {
    if (same_kernels_) exact_.add(texts.rounding, texts.other);
    std::size_t first = 0;
    const auto& tokens = texts.baseline.tokens;
    if (first_text_.empty())
      first_text_ = tokens;
    else
      first = static_cast<std::size_t>(
          std::mismatch(tokens.begin(), tokens.end(), first_text_.begin(), first_text_.end()).first -
          tokens.begin());
    const std::vector<double> ratios = log_ratios(texts, first);
    for (const double ratio : ratios) ratio_sum_ += ratio;
    positions_ += static_cast<std::int64_t>(ratios.size());
    add_experts(*texts.baseline.routing, first, ratios);
    add_layers(texts);
  }

  Damage result() const {
    Damage damage;
    damage.positions = positions_;
    damage.exact = exact_.result();
    if (positions_ > 0) damage.factor = std::exp(ratio_sum_ / static_cast<double>(positions_));
    std::vector<double> p;
    std::vector<ExpertDamage> all;
    for (const auto& [place, differences] : experts_) {
      p.push_back(differences.p_above());
      all.push_back({place.first, place.second, differences.texts, std::exp(differences.mean()), p.back()});
    }
    const std::vector<double> corrected = stats::holm(p);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].p = corrected[i];
      if (all[i].p < kSignificance && all[i].factor > kFactorMin) damage.experts.push_back(all[i]);
    }
    std::sort(damage.experts.begin(), damage.experts.end(), [](const ExpertDamage& a, const ExpertDamage& b) {
      return a.p != b.p ? a.p < b.p : a.factor > b.factor;
    });
    for (const auto& [layer, loss] : layers_) {
      const double texts = static_cast<double>(loss.difference.texts);
      if (loss.difference.mean() > kAgreementLossMin &&
          loss.difference.p_above() * static_cast<double>(layers_.size()) < kSignificance)
        damage.routing.push_back({layer, loss.agreement / texts, loss.agreement_rounding / texts});
    }
    return damage;
  }

 private:
  struct LayerLoss {
    Differences difference;
    double agreement = 0, agreement_rounding = 0;  ///< sums over texts
  };

  void add_experts(const RoutingTrace& routing, std::size_t first, std::span<const double> ratios) {
    const std::size_t tokens = std::min(ratios.size(), routing.tokens > first ? routing.tokens - first : 0);
    double all = 0;
    for (std::size_t i = 0; i < tokens; ++i) all += ratios[i];
    for (std::size_t layer = 0; layer < routing.layers.size(); ++layer) {
      std::vector<double> sums(static_cast<std::size_t>(routing.experts));
      std::vector<double> counts(sums.size());
      for (std::size_t i = 0; i < tokens; ++i) {
        if (!routing.present(first + i, layer)) continue;
        for (const std::uint16_t expert : routing.chosen(first + i, layer)) {
          sums[expert] += ratios[i];
          ++counts[expert];
        }
      }
      for (std::size_t expert = 0; expert < sums.size(); ++expert) {
        const double rest = static_cast<double>(tokens) - counts[expert];
        if (counts[expert] == 0 || rest == 0) continue;
        experts_[{routing.layers[layer], static_cast<int>(expert)}].add(sums[expert] / counts[expert] -
                                                                        (all - sums[expert]) / rest);
      }
    }
  }

  void add_layers(const Triples& texts) {
    const auto rounding = record::routing_agreement(*texts.baseline.routing, *texts.rounding.routing);
    const auto other = record::routing_agreement(*texts.baseline.routing, *texts.other.routing);
    for (std::size_t i = 0; i < std::min(rounding.layers.size(), other.layers.size()); ++i) {
      if (rounding.layers[i].tokens == 0 || other.layers[i].tokens == 0) continue;
      LayerLoss& loss = layers_[other.layers[i].layer];
      loss.difference.add(rounding.layers[i].agreement - other.layers[i].agreement);
      loss.agreement += other.layers[i].agreement;
      loss.agreement_rounding += rounding.layers[i].agreement;
    }
  }

  const bool same_kernels_;
  ExactSearch exact_;
  std::vector<std::int32_t> first_text_;
  double ratio_sum_ = 0;
  std::int64_t positions_ = 0;
  std::map<std::pair<int, int>, Differences> experts_;  ///< by layer and expert
  std::map<int, LayerLoss> layers_;
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

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "quality/score_file.h"
#include "record/routing_agreement.h"
#include "stats/interval.h"

namespace moestress::quality {

/// Two tokens this near in the baseline's logits may change places by rounding alone. Estimated
/// from the KL divergences seen between placements: logits move by some 5e-5 in F32, 3e-3 with an F16 KV
/// cache and 4e-2 where kernels quantise activations differently (KL 1e-3). 0.1 nats, odds of 52 to 48
/// between the two, lies above all of these and far below what a wrong token costs.
inline constexpr double kNearTieNats = 0.1;

/// One text of two score files. Positions are predicted tokens, from scored_from to the last: position i is
/// predicted by the logits after token i − 1. Top-1 ties go to the lowest id. Nats: natural logarithms.
struct TextConsistency {
  std::string id;
  std::int64_t positions = 0;
  double agreement = 0;         ///< share of positions where both have the same top token
  std::vector<double> kl_nats;  ///< [positions] KL(baseline ‖ other) = Σ p_b (log p_b − log p), ≥ 0
  double kl_nats_mean = 0;
  double kl_nats_p99 = 0;
  double kl_nats_max = 0;
  double delta_p_mean = 0;  ///< mean change of the probability of the text's own token: other − baseline
  double delta_p_abs_max = 0;
  double log_likelihood_baseline = 0;  ///< mean log probability of the text's own tokens, nats per token
  double log_likelihood_other = 0;
  std::int64_t first_divergence = -1;  ///< first position where the top tokens differ; -1: none
  double margin_at_divergence =
      0;                  ///< there, the baseline's log p of its top token minus that of the other's top
  bool near_tie = false;  ///< it parted, and the margin is at most kNearTieNats
  std::optional<record::RoutingAgreement> routing;  ///< where both files hold it
};

struct LayerConsistency {
  int layer = 0;
  double agreement = 0;  ///< mean over tokens of all texts, |S ∩ S'|/k
  std::int64_t tokens = 0;
};

struct Consistency {
  std::vector<TextConsistency> texts;
  std::int64_t positions = 0;
  double agreement_mean = 0;  ///< mean of the texts' agreement
  stats::Interval
      agreement_wilson;  ///< n = texts: the samples are prompts, tokens of one are not independent
  stats::Interval agreement_bootstrap;  ///< resampling texts
  double kl_nats_mean = 0;              ///< over all positions
  stats::Interval kl_nats_bootstrap;    ///< of the mean of the texts' means, resampling texts
  double kl_nats_median = 0;
  double kl_nats_p99 = 0;
  double kl_nats_max = 0;
  double delta_p_mean = 0;
  double perplexity_ratio = 1;            ///< other over baseline, over all positions
  std::int64_t diverged = 0;              ///< texts that part
  std::int64_t near_ties = 0;             ///< of those, at a near tie
  double margin_at_divergence_max = 0;    ///< the widest margin at which a text parted, nats
  std::vector<LayerConsistency> routing;  ///< empty where a file holds none
  double routing_agreement = 0;           ///< mean over layers
  int routing_first_layer = -1;           ///< the layer that is most often the first to part; -1: none parts
};

/// Whether two texts of different score files can be compared position by position. Errors: Format (what they
/// differ in).
base::Status check_comparable(const ScoredText& a, const ScoredText& b);

/// Compares two score files text by text, holding one text of each in memory. Errors: what ScoreReader gives,
/// and Format where the files differ in texts, order, tokens, scored_from, vocabulary or topology, or hold no
/// logits or no text.
base::Result<Consistency> compare_scores(const std::string& baseline_path, const std::string& other_path,
                                         std::uint64_t seed);

}  // namespace moestress::quality

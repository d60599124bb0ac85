#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace moestress::quality {

/// An expert that gives out something else than the baseline's does for the same input.
struct ExpertDamage {
  int layer = 0;
  int expert = 0;
  std::int64_t texts = 0;   ///< that have tokens sent to it
  std::int64_t tokens = 0;  ///< sent to it, and to no expert named before it
  /// Median over those tokens of |y' − y|/|y|, y being what the layer gives out.
  double difference = 0;
  double difference_elsewhere = 0;  ///< the same over all tokens of the other layers: what rounding does
  double p = 1;                     ///< that it is sound, corrected for the number of experts
};

/// A router that chooses other experts for the same input, or weighs them otherwise.
struct RoutingBreak {
  int layer = 0;
  double agreement = 0;  ///< mean |S ∩ S'|/k; by rounding hardly under 1. 1: it only weighs them otherwise
};

struct Damage {
  std::int64_t positions = 0;
  double factor = 1;              ///< geometric mean of KL over KL by rounding, all positions
  std::int64_t layer_tokens = 0;  ///< whose layers were compared; 0: no file held them
  std::int64_t experts_used = 0;  ///< that a token was sent to, of all layers
  /// Of those, the ones that would be found if they were damaged: used in enough texts. None where a layer is
  /// the only one, since there is nothing to hold it against.
  std::int64_t experts_told = 0;
  std::vector<ExpertDamage> experts;  ///< layers ascending, in each the most certain first
  std::vector<RoutingBreak> routing;  ///< layers ascending
  /// Where both were computed by the same kernels: texts that differ all the same.
  std::int64_t texts_not_exact = 0;
};

/// Looks for experts that compute something else than the baseline's, and routers that choose other ones, by
/// three score files of the same texts: the baseline with its layers' inputs, the baseline in another
/// rounding, and the other side, whose layers were given the baseline's inputs. So a layer's difference is
/// its own, and not what came down from those before it: rounding moves the whole model's distributions by
/// more than an exchanged expert does, but a single layer's output by some 1 %.
///
/// An expert is damaged if, in more texts than chance explains (binomial tail, corrected for the number of
/// experts), the median difference of its tokens exceeds the 95 % quantile of the other layers' tokens, and
/// if their median is 2.5 times as large. Of experts that are chosen together the most certain is taken
/// first, and its tokens left out for the others. With 480 experts it takes four texts that used one. A
/// router is damaged if it agrees in less than 90 %.
/// Positions of a beginning that a text shares with the first one count once.
///
/// `same_kernels`: the other side was computed as the rounding side was, on the same device and with weights
/// of the same types, and that was given the baseline's inputs too: then it is compared with that, and any
/// difference counts, of an expert that of most of its tokens in one text. Errors: as compare_scores; Format
/// (a file has no routing).
base::Result<Damage> find_damage(const std::string& baseline_path, const std::string& rounding_path,
                                 const std::string& other_path, bool same_kernels);

}  // namespace moestress::quality

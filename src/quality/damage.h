#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace moestress::quality {

/// An expert whose tokens part further from the baseline than others do, measured by what rounding alone
/// does.
struct ExpertDamage {
  int layer = 0;
  int expert = 0;
  std::int64_t texts = 0;  ///< that have tokens sent to it and tokens that weren't
  double factor = 1;       ///< geometric mean of (KL over KL by rounding), of its tokens over the others'
  double p = 1;            ///< that there is none, corrected for the number of experts (Holm)
};

/// A layer whose routing agrees less with the baseline than rounding explains.
struct RoutingBreak {
  int layer = 0;
  double agreement = 0;           ///< mean |S ∩ S'|/k
  double agreement_rounding = 0;  ///< of the same model in another rounding
};

/// Where the other side first differs from the rounding side, bit by bit. Two runs of one function by the
/// same kernels don't differ at all.
struct FirstDifference {
  std::int64_t texts = 0;  ///< that differ
  int layer = -1;  ///< whose router is the first to give other weights, in most of them; -1: none does
  std::vector<int> experts;  ///< of the layer before, that the first token to differ was mostly sent to
};

struct Damage {
  std::int64_t positions = 0;
  double factor = 1;                  ///< geometric mean of KL over KL by rounding, all positions
  std::vector<ExpertDamage> experts;  ///< most certain first
  std::vector<RoutingBreak> routing;  ///< layers ascending
  /// Where both were computed by the same kernels, and yet differ.
  std::optional<FirstDifference> exact;
};

/// Looks for experts that compute something else than the baseline's, and layers that choose other ones, by
/// three score files of the same texts: the baseline, the baseline in another rounding, and the other side.
/// Rounding alone moves the distributions of a model in 4 bits by some 3e-3 nats, more than one exchanged
/// expert does; but not more on that expert's tokens than on others. So for each position the logarithm of
/// KL(baseline ‖ other) over KL(baseline ‖ rounding) is taken, and for each layer and expert, within each
/// text, the mean over the tokens sent there minus that over the rest; a t test over texts (the samples are
/// texts, not tokens), Holm's correction over all experts, and a least effect. Positions of a beginning that
/// a text shares with the first one count once. `same_kernels`: the other side was computed as the rounding
/// side was, on the same device and with weights of the same types; then every difference counts: `exact`.
/// Errors: as compare_scores; Format (a file has no routing).
base::Result<Damage> find_damage(const std::string& baseline_path, const std::string& rounding_path,
                                 const std::string& other_path, bool same_kernels);

}  // namespace moestress::quality

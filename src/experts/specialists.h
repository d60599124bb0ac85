#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "experts/specialisation.h"

namespace moestress::experts {

/// How far the domain of a prompt decides how often it uses one expert.
struct Specialist {
  int layer = 0;  ///< model layer number
  int expert = 0;
  std::size_t domain = 0;      ///< index of the one that uses it most
  double share = 0;            ///< of that domain's tokens, mean over its prompts; by chance k/E
  double share_elsewhere = 0;  ///< largest of the other domains'
  double explained = 0;  ///< η²: share of the variance between prompts that lies between domains, 0..1
  double p = 1;          ///< adjusted for all experts of all layers
};

/// Every expert of every layer, in that order. Significance by dealing whole prompts to the domains anew; p
/// is the share of permutations in which the largest η² of any expert reaches this expert's (single-step max
/// statistic, Westfall and Young 1993), which holds for all experts at once and, unlike Holm's, needs no more
/// permutations for more experts. Empty with fewer than two domains that have prompts. `permutations` is cut
/// to 100,000.
std::vector<Specialist> specialists(std::span<const Domain> domains, int permutations, std::uint64_t seed);

/// Whether prompts can be aimed at experts: for each domain the `subset` experts of each layer that lead most
/// over the other domains are chosen from some prompts, and the load on them is looked at in the others.
struct SubsetAim {
  int subset = 0;     ///< experts of a layer
  double chance = 0;  ///< subset/E: the load on experts chosen without regard to the prompt
  int folds = 0;      ///< of the cross-validation; 0: too few prompts, nothing below is measured
  /// [domain whose experts][domain of the prompts]: share of choices that fall on them, in prompts that they
  /// were not chosen from; mean over layers, prompts and folds.
  std::vector<std::vector<double>> load;
  std::vector<double> lead;    ///< [domains] load by its own prompts less the mean load by the others'
  std::vector<double> lead_p;  ///< [domains] one-sided, dealing whole prompts to the domains anew
  double lead_mean = 0;        ///< over domains
  double p = 1;                ///< of lead_mean
  int permutations = 0;
};
SubsetAim aim_at_subsets(std::span<const Domain> domains, int subset, int permutations, std::uint64_t seed);

}  // namespace moestress::experts

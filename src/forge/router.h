#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moestress::forge {

/// Rows of a router, [experts × width], that sends alike inputs to the same experts: spherical k-means
/// (Dhillon and Modha 2001) of the inputs, each dimension centred and scaled to unit deviation, gives each
/// expert a direction; then offsets are moved, as in auxiliary-loss-free balancing (Wang et al. 2024, arXiv
/// 2408.15664), until the top `k` of all inputs load the experts about evenly. A router has no bias: an
/// offset goes into the direction in which all inputs have about the same component.
/// `inputs`: [tokens × width], at least `experts` tokens, `k` < `experts`.
std::vector<float> cluster_router(std::span<const float> inputs, std::size_t width, std::size_t experts,
                                  std::size_t k, std::uint64_t seed);

}  // namespace moestress::forge

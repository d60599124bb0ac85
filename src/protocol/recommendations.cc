#include "protocol/recommendations.h"

#include <utility>

namespace moestress::protocol {

std::vector<record::Recommendation> recommend(const Evidence& evidence) {
  std::vector<record::Recommendation> recommendations;
  const auto add = [&](std::optional<record::Recommendation> one) {
    if (one) recommendations.push_back(std::move(*one));
    return !recommendations.empty();
  };
  const bool room_is_taken = add(recommend_layers(evidence));
  add(recommend_context(evidence, room_is_taken));
  add(recommend_slots(evidence));
  add(recommend_threads(evidence));
  if (auto larger = recommend_suite(evidence))
    recommendations.insert(recommendations.begin(), std::move(*larger));
  return recommendations;
}

}  // namespace moestress::protocol

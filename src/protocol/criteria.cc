#include "protocol/criteria.h"

#include <algorithm>

namespace moestress::protocol {

const record::TestResult* CriterionInput::test(std::string_view id) const {
  const auto found =
      std::find_if(model.tests.begin(), model.tests.end(), [&](const auto& test) { return test.id == id; });
  return found == model.tests.end() ? nullptr : &*found;
}

std::optional<record::Metric> CriterionInput::metric(std::string_view test_id,
                                                     const std::string& name) const {
  const auto* found = test(test_id);
  if (found == nullptr) return std::nullopt;
  const auto metric = found->metrics.find(name);
  if (metric == found->metrics.end()) return std::nullopt;
  return metric->second;
}

std::vector<record::CriterionResult> decide_criteria(const CriterionInput& input) {
  return {criterion_c1_sustained_speed(input), criterion_c2_gpu_memory(input),
          criterion_c3_endurance(input),       criterion_c4_consistency(input),
          criterion_c5_sessions(input),        criterion_c6_memory_growth(input),
          criterion_c7_expert_use(input)};
}

}  // namespace moestress::protocol

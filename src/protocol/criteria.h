#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plan/plan.h"
#include "record/result.h"

namespace moestress::protocol {

/// What a criterion is decided from.
struct CriterionInput {
  const record::ModelResult& model;  ///< with its tests
  const plan::Thresholds& thresholds;
  bool has_device = false;         ///< a GPU or its stand-in holds part of the model
  bool software_device = false;    ///< a stand-in
  bool speed_of_stand_in = false;  ///< and speed was measured on it: no verdict on that
  bool random_weights = false;
  double hours = 0;  ///< that one process of the target was up at most
  int deaths = 0;    ///< of the target
  std::unordered_map<std::string, double> device_peaks = {};  ///< bytes by source

  /// The test's result; nullptr if it was not run.
  const record::TestResult* test(std::string_view id) const;
  /// A figure of a test; absent if there is none.
  std::optional<record::Metric> metric(std::string_view test_id, const std::string& name) const;
};

/// C1 to C7, in order; each has a verdict.
std::vector<record::CriterionResult> decide_criteria(const CriterionInput& input);

// One file each: criterion_c<n>_<name>.cc.
record::CriterionResult criterion_c1_sustained_speed(const CriterionInput& input);
record::CriterionResult criterion_c2_gpu_memory(const CriterionInput& input);
record::CriterionResult criterion_c3_endurance(const CriterionInput& input);
record::CriterionResult criterion_c4_consistency(const CriterionInput& input);
record::CriterionResult criterion_c5_sessions(const CriterionInput& input);
record::CriterionResult criterion_c6_memory_growth(const CriterionInput& input);
record::CriterionResult criterion_c7_expert_use(const CriterionInput& input);

}  // namespace moestress::protocol

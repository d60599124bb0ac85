#pragma once

#include <span>
#include <string_view>

#include "protocol/rig.h"
#include "protocol/work.h"
#include "record/result.h"

namespace moestress::protocol {

/// A test of the protocol. `run` drives the rig and concludes; the runner sees to the target's life, to its
/// death, to interruption, and to the record.
struct Test {
  std::string_view id;    ///< "2.2"
  std::string_view name;  ///< "concurrency"
  record::TestResult (*run)(Rig& rig);
  Work (*work)(const WorkInput& input);  ///< at the plan's sizes, beside the first start of the target
  enum class Target {
    None,       ///< the target is stopped first, where it is ours
    Placement,  ///< where its weights are is looked at: also on a GPU made of software
    Speech,     ///< it is talked to: on the CPU in place of such a GPU (plan: target.stand_in)
  } target;
  bool judges_deaths = false;  ///< goes on after a death of the target, and says so itself
};

/// Every test, in the order of running: those that need the target first.
std::span<const Test> tests();

// One file each: test_<id>_<name>.cc, scenario_<id>_<name>.cc.
record::TestResult test_1_1_load(Rig& rig);
record::TestResult test_1_2_generation(Rig& rig);
record::TestResult test_1_3_footprint(Rig& rig);
record::TestResult test_1_4_placement(Rig& rig);
record::TestResult test_2_1_long_form(Rig& rig);
record::TestResult test_2_2_concurrency(Rig& rig);
record::TestResult test_2_3_context(Rig& rig);
record::TestResult test_3_1_routing(Rig& rig);
record::TestResult test_3_2_specialisation(Rig& rig);
record::TestResult test_4_1_conversation(Rig& rig);
record::TestResult test_4_2_api_stress(Rig& rig);
record::TestResult test_5_1_memory(Rig& rig);
record::TestResult test_5_2_profile(Rig& rig);
record::TestResult test_6_1_consistency(Rig& rig);
record::TestResult test_6_2_reasoning(Rig& rig);
record::TestResult scenario_s1_marathon(Rig& rig);
record::TestResult scenario_s2_expert_specialization(Rig& rig);
record::TestResult scenario_s3_production_load(Rig& rig);
record::TestResult scenario_s4_context_saturation(Rig& rig);

// What each of them asks of the target at the plan's sizes, in the same files.
Work work_1_1(const WorkInput& input);
Work work_1_2(const WorkInput& input);
Work work_1_3(const WorkInput& input);
Work work_1_4(const WorkInput& input);
Work work_2_1(const WorkInput& input);
Work work_2_2(const WorkInput& input);
Work work_2_3(const WorkInput& input);
Work work_3_1(const WorkInput& input);
Work work_3_2(const WorkInput& input);
Work work_4_1(const WorkInput& input);
Work work_4_2(const WorkInput& input);
Work work_5_1(const WorkInput& input);
Work work_5_2(const WorkInput& input);
Work work_6_1(const WorkInput& input);
Work work_6_2(const WorkInput& input);
Work work_s1(const WorkInput& input);
Work work_s2(const WorkInput& input);
Work work_s3(const WorkInput& input);
Work work_s4(const WorkInput& input);

}  // namespace moestress::protocol

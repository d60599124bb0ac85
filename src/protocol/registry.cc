#include <array>

#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using enum Test::Target;

constexpr std::array kTests{
    Test{"1.1", "load", test_1_1_load, work_1_1, Placement},
    Test{"1.3", "footprint", test_1_3_footprint, work_1_3, Placement},
    Test{"1.4", "placement", test_1_4_placement, work_1_4, Placement},
    Test{"1.2", "generation", test_1_2_generation, work_1_2, Speech},
    Test{"2.1", "long-form", test_2_1_long_form, work_2_1, Speech},
    Test{"2.2", "concurrency", test_2_2_concurrency, work_2_2, Speech},
    Test{"2.3", "context", test_2_3_context, work_2_3, Speech},
    Test{"S4", "Context Window Saturation", scenario_s4_context_saturation, work_s4, Speech},
    Test{"4.1", "conversation", test_4_1_conversation, work_4_1, Speech},
    Test{"4.2", "API stress", test_4_2_api_stress, work_4_2, Speech},
    Test{"S1", "AI Assistant Marathon", scenario_s1_marathon, work_s1, Speech, true},
    Test{"S3", "Production Load Simulation", scenario_s3_production_load, work_s3, Speech},
    Test{"5.1", "memory", test_5_1_memory, work_5_1, Speech},
    // These stop the target for their second part: whatever wants it running comes before them.
    Test{"5.2", "profile", test_5_2_profile, work_5_2, Speech},
    Test{"S2", "Expert Specialization Challenge", scenario_s2_expert_specialization, work_s2, Speech},
    Test{"3.2", "specialisation", test_3_2_specialisation, work_3_2, Speech},
    Test{"6.2", "reasoning", test_6_2_reasoning, work_6_2, Speech},
    Test{"3.1", "routing", test_3_1_routing, work_3_1, None},
    Test{"6.1", "consistency", test_6_1_consistency, work_6_1, None},
};

}  // namespace

std::span<const Test> tests() { return kTests; }

}  // namespace moestress::protocol

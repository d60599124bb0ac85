#include <array>

#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using enum Test::Target;

constexpr std::array kTests{
    Test{"1.1", "load", test_1_1_load, Placement},
    Test{"1.3", "footprint", test_1_3_footprint, Placement},
    Test{"1.4", "placement", test_1_4_placement, Placement},
    Test{"1.2", "generation", test_1_2_generation, Speech},
    Test{"2.1", "long-form", test_2_1_long_form, Speech},
    Test{"2.2", "concurrency", test_2_2_concurrency, Speech},
    Test{"2.3", "context", test_2_3_context, Speech},
    Test{"S4", "Context Window Saturation", scenario_s4_context_saturation, Speech},
    Test{"5.2", "profile", test_5_2_profile, Speech},
    Test{"5.1", "memory", test_5_1_memory, Speech},
    // These two stop the target for their second part: whatever wants it running comes before them.
    Test{"S2", "Expert Specialization Challenge", scenario_s2_expert_specialization, Speech},
    Test{"3.2", "specialisation", test_3_2_specialisation, Speech},
    Test{"S1", "marathon", scenario_s1_marathon, Speech, true},
    Test{"S3", "production", scenario_s3_production_load, Speech},
    Test{"5.1", "memory", test_5_1_memory, Speech},
    Test{"5.2", "profile", test_5_2_profile, Speech},  // stops the target at its end
    Test{"3.1", "routing", test_3_1_routing, None},
    Test{"6.1", "consistency", test_6_1_consistency, None},
};

}  // namespace

std::span<const Test> tests() { return kTests; }

}  // namespace moestress::protocol

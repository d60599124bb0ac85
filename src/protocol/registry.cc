#include <array>

#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

constexpr std::array kTests{
    Test{"1.1", "load", test_1_1_load, true},
    Test{"1.2", "generation", test_1_2_generation, true},
    Test{"1.3", "footprint", test_1_3_footprint, true},
    Test{"1.4", "placement", test_1_4_placement, true},
    Test{"2.1", "long-form", test_2_1_long_form, true},
    Test{"2.2", "concurrency", test_2_2_concurrency, true},
    Test{"5.2", "profile", test_5_2_profile, true},
    Test{"5.1", "memory", test_5_1_memory, true},
    Test{"3.1", "routing", test_3_1_routing, false},
    Test{"6.1", "consistency", test_6_1_consistency, false},
};

}  // namespace

std::span<const Test> tests() { return kTests; }

}  // namespace moestress::protocol

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plan/plan.h"
#include "protocol/criteria.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

TEST(Registry, HoldsEveryTestAndScenarioOfTheProtocolOnceAndNothingElse) {
  std::vector<std::string> known, registered;
  for (const auto test : plan::known_tests()) known.emplace_back(test);
  for (const protocol::Test& test : tests()) registered.emplace_back(test.id);
  EXPECT_THAT(registered, UnorderedElementsAreArray(known));
}

TEST(Registry, NobodyHasTalkedToTheServerBeforeItsPlacementIsLookedAt) {
  bool talked = false;
  for (const protocol::Test& test : tests()) {
    EXPECT_FALSE(talked && test.target == protocol::Test::Target::Placement) << test.id;
    talked = talked || test.target != protocol::Test::Target::Placement;
  }
}

TEST(Registry, TheCriteriaAreC1ToC7) {
  const record::ModelResult model;
  const plan::Thresholds thresholds;
  std::vector<std::string> ids;
  for (const auto& criterion : decide_criteria({model, thresholds})) ids.push_back(criterion.id);
  EXPECT_THAT(ids, ElementsAre("C1", "C2", "C3", "C4", "C5", "C6", "C7"));
}

}  // namespace
}  // namespace moestress::protocol

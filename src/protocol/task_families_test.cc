// The plan names families of tasks without knowing the module that makes them.
#include <gtest/gtest.h>

#include "plan/plan.h"
#include "workload/tasks.h"

namespace moestress::protocol {
namespace {

TEST(TaskFamilies, ThePlanKnowsThoseThereAre) {
  std::vector<std::string> made;
  for (const auto family : workload::kTaskFamilies) made.emplace_back(workload::to_string(family));
  const auto known = plan::known_task_families();
  EXPECT_EQ(made, std::vector<std::string>(known.begin(), known.end()));
}

}  // namespace
}  // namespace moestress::protocol

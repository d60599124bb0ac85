#include "target/busy_slots.h"

#include <gtest/gtest.h>

namespace moestress::target {
namespace {

TEST(BusySlots, OfLlamaServer) {
  EXPECT_EQ(busy_in_slots(R"([{"id":0,"is_processing":true},{"id":1,"is_processing":false}])"), 1);
  EXPECT_EQ(busy_in_slots(R"([{"id":0,"is_processing":false}])"), 0);
  for (const char* other : {"", "[]", "{}", "[1]", R"([{"id":0}])", R"({"error":{"code":501}})"})
    EXPECT_FALSE(busy_in_slots(other)) << other;
}

TEST(BusySlots, OfMetrics) {
  constexpr auto kText =
      "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model=\"a\"} 2.0\n"
      "vllm:num_requests_running_total 9\nvllm:num_requests_running{model=\"b\"} 1.0\nmoestress_slots_busy "
      "0\n";
  EXPECT_EQ(gauge_in_metrics(kText, "vllm:num_requests_running"), 3);
  EXPECT_EQ(gauge_in_metrics(kText, "moestress_slots_busy"), 0);
  EXPECT_FALSE(gauge_in_metrics(kText, "moestress_slots"));
  EXPECT_FALSE(gauge_in_metrics("x NaN\nx", "x"));
}

}  // namespace
}  // namespace moestress::target

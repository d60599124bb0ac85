#include "server/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

namespace moestress::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

MetricsSnapshot full_snapshot(const Counters& counters) {
  return {.counters = &counters,
          .version = "0.1.0",
          .uptime_seconds = 1.5,
          .connections = 2,
          .waiting = 3,
          .engine = engine::BatcherStats{.slots = 4, .slots_busy = 1, .completion_tokens_total = 99},
          .memory = {{.device = "Vulkan\"0\\", .host = false, .model_bytes = 10}}};
}

TEST(MetricsText, ShowsEngineFiguresOnlyOnceTheyAreThere) {
  Counters counters;
  MetricsSnapshot snapshot = full_snapshot(counters);
  snapshot.engine.reset();
  const std::string text = metrics_text(snapshot);
  EXPECT_THAT(text, HasSubstr("moestress_model_loaded 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("moestress_slots")));
  EXPECT_THAT(metrics_text(full_snapshot(counters)), HasSubstr("moestress_completion_tokens_total 99\n"));
}

TEST(MetricsText, CountsByEndpointAndStatusAndEscapesLabels) {
  Counters counters;
  counters.requests[{"/v1/chat/completions", 200}] = 5;
  const std::string text = metrics_text(full_snapshot(counters));
  EXPECT_THAT(text,
              HasSubstr("moestress_requests_total{endpoint=\"/v1/chat/completions\",status=\"200\"} 5\n"));
  EXPECT_THAT(text,
              HasSubstr(R"(moestress_device_bytes{device="Vulkan\"0\\",host="false",kind="model"} 10)"));
}

TEST(MetricsText, EveryLineIsOfTheFormat) {
  Counters counters;
  counters.requests[{"/health", 503}] = 1;
  std::istringstream lines(metrics_text(full_snapshot(counters)));
  const std::regex sample(
      R"(([a-z_]+)(\{[a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*\})? [0-9.e+-]+)");
  const std::regex type(R"(# TYPE ([a-z_]+) (counter|gauge))");
  std::set<std::string> typed;
  std::string line;
  while (std::getline(lines, line)) {
    std::smatch match;
    if (line.starts_with("# HELP ")) continue;
    if (std::regex_match(line, match, type)) {
      EXPECT_TRUE(typed.insert(match[1]).second) << "typed twice: " << line;
      EXPECT_EQ(match[2] == "counter", std::string(match[1]).ends_with("_total")) << line;
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
    EXPECT_TRUE(typed.contains(match[1])) << line;
  }
  EXPECT_GE(typed.size(), 14U);
}

}  // namespace
}  // namespace moestress::server

#include "store/json_columns.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace moestress::store {
namespace {

TEST(JsonColumns, MetricsRoundTrip) {
  record::Metrics metrics;
  metrics["ttft_ms_p50"] = {0.1 + 0.2, "ms", 42, std::pair(0.25, 0.375)};
  metrics["ratio"] = {std::numeric_limits<double>::quiet_NaN(), "", 0, std::nullopt};
  metrics["odd \xFF name"] = {1e300, "tok/s", 1, std::nullopt};
  const auto again = metrics_from_json(metrics_to_json(metrics));
  ASSERT_TRUE(again) << again.error().message;
  const record::Metric& ttft = again->at("ttft_ms_p50");
  EXPECT_EQ(ttft.value, 0.1 + 0.2);
  EXPECT_EQ(ttft.unit, "ms");
  EXPECT_EQ(ttft.n, 42);
  EXPECT_EQ(ttft.ci, std::pair(0.25, 0.375));
  EXPECT_TRUE(std::isnan(again->at("ratio").value));
  EXPECT_FALSE(again->at("ratio").ci);
  EXPECT_EQ(again->at("odd \xEF\xBF\xBD name").value, 1e300);
}

TEST(JsonColumns, FindingsAndTablesRoundTrip) {
  const auto findings = findings_from_json(findings_to_json({{"warning", "a\n\"b\""}, {"info", ""}}));
  ASSERT_TRUE(findings);
  EXPECT_EQ((*findings)[0].text, "a\n\"b\"");
  EXPECT_EQ((*findings)[1].severity, "info");

  record::Table table;
  table.title = "speed";
  table.columns = {"x", "y"};
  table.rows = {{1, std::nan("")}, {2.5, -3}};
  table.row_labels = {"a", "b"};
  table.kind = "line";
  const auto tables = tables_from_json(tables_to_json({table}));
  ASSERT_TRUE(tables);
  EXPECT_EQ((*tables)[0].columns, table.columns);
  EXPECT_TRUE(std::isnan((*tables)[0].rows[0][1]));
  EXPECT_EQ((*tables)[0].rows[1], table.rows[1]);
  EXPECT_EQ((*tables)[0].row_labels, table.row_labels);
  EXPECT_EQ((*tables)[0].kind, "line");
}

TEST(JsonColumns, AnythingElseIsAnError) {
  for (const char* text : {"", "{", "[1]", "[{}]", "[{\"name\":1,\"value\":2,\"unit\":\"\",\"n\":1}]",
                           "[{\"name\":\"a\",\"value\":\"2\",\"unit\":\"\",\"n\":1}]", "\"x\""}) {
    const auto metrics = metrics_from_json(text);
    EXPECT_FALSE(metrics) << text;
    EXPECT_EQ(metrics.error().code, base::ErrorCode::Format);
    EXPECT_FALSE(findings_from_json(text)) << text;
    EXPECT_FALSE(tables_from_json(text)) << text;
  }
}

}  // namespace
}  // namespace moestress::store
